"""A run for its readers: text for the terminal, JSON for programs, Markdown for a page, HTML for showing to others.

render(".html", finished, compared, verdicts)  # one self-contained file
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from evals.measuring.judge import OPINIONS, opinions_of
from evals.measuring.measures import LATENCY, MEASURES, expected, is_evidence, is_right, to_find
from evals.measuring.rows import Row
from evals.measuring.runs import Run
from evals.measuring.summary import ALL, Estimate, plain
from evals.reporting.compare import SAME, Comparison
from evals.reporting.gate import Verdict
from evals.reporting.plots import Plot, plots
from rag.controls import harmless, json_text
from rag.language import language_of

HEADLINE = ("right", "R@1", "R@5", "evidence", "answered.wrong", "refused.wrong", "verbatim", "language")  # fit a terminal


def contract(run: Run, compared: Mapping[str, Comparison], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return what `bayan eval --json` prints."""
    configuration = run.about["configuration"]
    sets = [
        {
            "name": name,
            "questions": questions_of(run, name),
            "measures": plain(groups[ALL]),
            "by_cell": {group: plain(found) for group, found in groups.items() if "->" in group},
        }
        for name, groups in run.summary.items()
    ]
    about = {
        "folder": str(run.folder),
        "started": run.about["started"],
        "seconds": round(run.seconds, 1),
        "failed": sum(row.error is not None for row in run.rows),
        "usage": run.usage,
        "cost": run.cost,
        "judged": _judged(run),
        **configuration,
        "comparison": {name: asdict(item) for name, item in compared.items()},
        "gate": [asdict(verdict) for verdict in verdicts],
    }
    return {"sets": sets, "run": about}


def render(suffix: str, run: Run, compared: Mapping[str, Comparison], verdicts: Sequence[Verdict]) -> str:
    """Return a report as .html, .md or .json."""
    if suffix == ".json":
        record = contract(run, compared, verdicts)
        groups = {name: {g: {m: asdict(e) for m, e in found.items()} for g, found in item.items()} for name, item in run.summary.items()}
        record["groups"], record["failures"] = groups, {name: [_told(row) for row in failures(run, name)] for name in run.summary}
        return json_text(record, indent=2) + "\n"
    return harmless(
        _templates()
        .get_template(f"report{suffix}.jinja")
        .render(
            run=run,
            about=run.about,
            sets=list(run.summary),
            compared=compared,
            verdicts=verdicts,
            rows={key: row for row in run.rows for key in [(row.set_name, row.question.question_id)]},
            plots={name: _plots(run, name) for name in run.summary} if suffix == ".html" else {},
            failures={name: failures(run, name) for name in run.summary},
            measures=MEASURES,
            opinions=opinions_of(run),
            meanings=OPINIONS,
            expected=expected,
            is_evidence=is_evidence,
            questions_of=questions_of,
        )
    )


def as_text(run: Run, compared: Mapping[str, Comparison]) -> str:
    """Return the tables for a terminal."""
    parts = []
    for name, groups in run.summary.items():
        known = [measure for measure in HEADLINE if measure in groups[ALL]]
        lines = [f"{name}: {questions_of(run, name)} questions", f"{'':14}" + "".join(f"{measure:>18}" for measure in known)]
        shown = [group for group in groups if group == ALL or "->" in group]
        lines += [f"{group:14}" + "".join(f"{figure(groups[group].get(m), m):>18}" for m in known) for group in shown]
        latency = [f"{measure.split('.')[1]} {groups[ALL][measure].value:.0f} ms" for measure in LATENCY if measure in groups[ALL]]
        lines += [f"latency {', '.join(latency)}"] if latency else []
        parts.append("\n".join([*lines, *(_compared_text(compared[name]) if name in compared else [])]))
    return "\n\n".join([*parts, *_spent_text(run), *filter(None, [judged_text(run)])])


def _spent_text(run: Run) -> list[str]:
    cost = f", costing {run.cost:.4g} at the prices given" if run.cost is not None else ""
    return [f"chat models took {run.usage['input_tokens']} tokens in, {run.usage['output_tokens']} out{cost}"] if run.usage else []


def judged_text(run: Run) -> str:
    """Return what a model thinks of the answers, apart from what is measured and named as the opinion it is; nothing when not asked."""
    if not (opinions := opinions_of(run)):
        return ""
    told = [
        f"  {set_name:14} {group:14} " + "  ".join(f"{name} {figure(item, name)}" for name, item in found.items())
        for set_name, groups in opinions.means.items()
        for group, found in groups.items()
        if group == ALL or "->" in group
    ]
    return "\n".join([f"in the opinion of {opinions.judge} ({opinions.package}), {opinions.unjudged} answers without one", *told])


def _judged(run: Run) -> dict[str, Any] | None:
    opinions = opinions_of(run)
    return asdict(opinions) if opinions else None


def _compared_text(comparison: Comparison) -> list[str]:
    lines = [f"against the other run, by {comparison.verdict}: lost {len(comparison.lost)}, won {len(comparison.won)}"]
    lines += [f"  lost {key}" for key in comparison.lost] + [f"  won  {key}" for key in comparison.won]
    changed = [change for change in comparison.changes if abs(change.before - change.after) > SAME]
    return lines + [f"  {c.name:20} {c.before:.3f} → {c.after:.3f}  p {c.p:.3f}{'  WORSE' if c.is_worse else ''}" for c in changed]


# What the templates ask for


def questions_of(run: Run, set_name: str) -> int:
    return sum(row.set_name == set_name for row in run.rows)


def failures(run: Run, set_name: str) -> list[Row]:
    """Return the rows that went wrong: not right or, when only the search was asked for, not found first."""
    rows = [row for row in run.rows if row.set_name == set_name]
    values = run.values
    return [
        row
        for row in rows
        if row.error or (not is_right(row) if row.asked else to_find(row) and values[set_name, row.question.question_id].get("RR", 0) < 1)
    ]


def _plots(run: Run, set_name: str) -> list[Plot]:
    return plots([row for row in run.rows if row.set_name == set_name], run.summary[set_name])


def _told(row: Row) -> dict[str, Any]:
    """A row as the JSON report tells it."""
    return {
        "id": row.question.question_id,
        "question": row.question.question,
        "expected": list(expected(row.question)),
        "status": row.answer.status if row.answer else None,
        "error": row.error,
        "quoted": [quote.quote for quote in row.quotes],
        "retrieved": [{"rank": hit.rank, "statement_id": hit.statement_id, "evidence": is_evidence(hit, row)} for hit in row.hits],
    }


def figure(item: Estimate | None, measure: str) -> str:
    """Return an estimate with its interval, as short as can be: .83 [.70–.95]."""
    if item is None:
        return "—"
    if measure in LATENCY:
        return f"{item.value:.0f}"
    value, low, high = (f"{number:.2f}".removeprefix("0") for number in (item.value, item.low, item.high))
    return f"{value} [{low}–{high}]"


def _direction(language: str) -> str:
    return "rtl" if language == "ar" else "ltr"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("evals", "templates"),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=figure, direction=_direction, language=language_of)
    environment.tests["match_tag"] = lambda group: group.startswith("tag:")
    return environment

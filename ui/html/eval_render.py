"""Draw what the evaluation tab shows as HTML: how far a run is, what it came to, and two runs side by side.

Pure functions from records to markup, as `ui/html/render.py`: knows nothing of Gradio or of where runs are kept. The full report is
`evals/reporting/report.py`'s; here stands what a reader wants first, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from urllib.parse import quote, urlencode

from evals.measuring.runs import Run
from evals.measuring.stored import StoredRun
from evals.measuring.summary import ALL
from evals.questions.feedback import FeedbackError
from evals.reporting.compare import SAME, SIGNIFICANT, Change, Comparison
from evals.reporting.report import figure, questions_of
from rag.controls import harmless
from rag.errors import BayanError
from rag.schema import Answer, Language
from ui.html.markup import DIRECTIONS, isolate, message_language
from ui.service.evaluations import Busy, State
from ui.strings import STRINGS

HEADLINE = ("right", "evidence", "R@1", "R@5", "answered.wrong", "refused.wrong")
SHOWN_PROBLEM_CHARS = 2_000
Questions = Mapping[str, str]  # by id


# How far a run is


def state_html(state: State, interface: Language) -> str:
    """Draw the run under way with its bar, or how the last one ended; nothing before the first."""
    words, name = STRINGS[interface], state.name
    if not name:
        return ""
    if state.ended:
        said = note_html(words[f"eval_{state.ended}"].format(name=name), interface)
        return said + (problem_html(state.problem, interface) if state.problem else "")
    sentence = words["eval_stopping"] if state.stopping else words[f"eval_{state.stage}"]
    label = sentence.format(name=name, done=state.done, total=state.total)
    amount = f' value="{state.done}" max="{state.total}"' if state.total else ""
    return f'{note_html(label, interface)}<progress{amount} aria-label="{escape(label)}"></progress>'


def problem_html(problem: Exception, interface: Language) -> str:
    """Say what went wrong; details, which are in English, only where they are Bayan's own and help."""
    words = STRINGS[interface]
    if isinstance(problem, FeedbackError):
        return _element("p", "problem", interface, isolate(words[f"flag_{problem.flaw}"].format(text=problem.text), interface))
    if isinstance(problem, Busy) or not isinstance(problem, BayanError):
        return _element("p", "problem", interface, escape(words["eval_busy" if isinstance(problem, Busy) else "eval_failure"]))
    return _element("p", "problem detail", "en", isolate(str(problem)[:SHOWN_PROBLEM_CHARS], "en"))


def _element(tag: str, classes: str, language: Language, inner: str) -> str:
    return f'<{tag} class="{classes}" dir="{DIRECTIONS[language]}" lang="{language}">{inner}</{tag}>'


def note_html(text: str, interface: Language) -> str:
    """Draw a sentence of Bayan's own."""
    return _element("p", "note", interface, isolate(text, interface))


# What a run came to


def run_label(stored: StoredRun, interface: Language) -> str:
    """Name a run in a list: its sets, when it began, and whether it is whole."""
    words, started = STRINGS[interface], stored.started[:19].replace("T", " ")
    parts = [words["eval_run_label"].format(sets=" + ".join(stored.sets), started=started, questions=stored.questions)]
    parts += [words["eval_run_search"]] if stored.retrieval_only else []
    parts += [] if stored.complete else [words["eval_run_stopped"].format(asked=stored.asked)]
    return " · ".join([*parts, *([stored.system] if stored.system != "bayan" else [])])


def unfinished_html(stored: StoredRun, interface: Language) -> str:
    """Say of a run that was stopped how to go on with it."""
    return note_html(STRINGS[interface]["eval_unfinished"].format(asked=stored.asked, questions=stored.questions), interface)


def result_html(run: Run, interface: Language) -> str:
    """Draw the headline figures of each set by language cell."""
    words = STRINGS[interface]
    tables = "".join(_result_table(run, name, interface) for name in run.summary)
    usage = run.usage
    cost = words["eval_cost"].format(input=usage["input_tokens"], output=usage["output_tokens"]) if usage else ""
    notes = [words["eval_interval"], *([cost] if cost else [])]
    return f"<h2>{escape(words['eval_result'])}</h2>{tables}" + "".join(note_html(note, interface) for note in notes)


def _result_table(run: Run, name: str, interface: Language) -> str:
    words, groups = STRINGS[interface], run.summary[name]
    known = [measure for measure in HEADLINE if measure in groups[ALL]]
    head = _cells("th", [words["eval_group"], *(words[f"measure_{measure}"] for measure in known)], interface)
    rows = []
    for group, found in groups.items():
        if group == ALL or "->" in group:
            figures = "".join(f'<td dir="ltr">{_figure(figure(found.get(measure), measure))}</td>' for measure in known)
            rows.append(f'<tr><th scope="row">{_cell_name(group, interface)}</th>{figures}</tr>')
    caption = f"{isolate(name, interface)} · {escape(words['eval_questions'])}: {questions_of(run, name)}"
    return _table(caption, head, rows)


def _cell_name(group: str, interface: Language) -> str:
    words = STRINGS[interface]
    if group == ALL:
        return escape(words["eval_all"])
    return f" {'←' if interface == 'ar' else '→'} ".join(escape(words[f"eval_{code}"]) for code in group.split("->"))


def _figure(text: str) -> str:
    value, _, interval = text.partition(" ")
    return f"{value} <small>{interval}</small>" if interval else value


# The report


def report_html(name: str, before: str | None, interface: Language) -> str:
    """Frame the report, which the server sends without scripts and the frame would run none of."""
    words = STRINGS[interface]
    address = f"evaluations/{quote(name)}" + (f"?{urlencode({'before': before})}" if before else "")
    link = f'<a href="{address}" target="_blank" rel="noopener">{escape(words["eval_open"])}</a>'
    frame = f'<iframe src="{address}" sandbox title="{escape(words["eval_report"])}"></iframe>'
    return f'<div class="report"><h2>{escape(words["eval_report"])}</h2><p>{link}</p>{frame}</div>'


# Two runs side by side


def comparison_html(
    compared: Mapping[str, Comparison], questions: Mapping[str, Questions], *, before: str, after: str, interface: Language
) -> str:
    """Draw what changed in each set: the questions lost, then those won, then the measures with how likely chance is."""
    title = isolate(STRINGS[interface]["eval_compared"].format(before=before, after=after), interface)
    sets = "".join(_comparison(name, item, questions.get(name, {}), interface) for name, item in compared.items())
    return f"<h2>{title}</h2>{sets}"


def _comparison(name: str, item: Comparison, questions: Questions, interface: Language) -> str:
    words = STRINGS[interface]
    lists = [_changed(kind, keys, questions, interface) for kind, keys in (("lost", item.lost), ("won", item.won)) if keys]
    unpaired = item.only_before + item.only_after
    notes = [words["eval_no_change"]] if not lists else []
    notes += [words["eval_unpaired"].format(count=unpaired)] if unpaired else []
    head = _cells("th", [words[key] for key in ("eval_measure", "eval_was", "eval_is", "eval_verdict")], interface)
    changed = [change for change in item.changes if abs(change.before - change.after) > SAME]
    table = _table(isolate(name, interface), head, [_change_row(change, interface) for change in changed]) if changed else ""
    return f"<h3>{isolate(name, interface)}</h3>" + "".join(lists) + "".join(note_html(note, interface) for note in notes) + table


def _changed(kind: str, keys: Sequence[str], questions: Questions, interface: Language) -> str:
    heading = escape(STRINGS[interface][f"eval_{kind}"].format(count=len(keys)))
    return f'<h4 class="{kind}">{heading}</h4><ul class="{kind}">{"".join(_items(keys, questions, interface))}</ul>'


def _items(keys: Sequence[str], questions: Questions, interface: Language) -> Iterator[str]:
    for key in keys:
        text = questions.get(key, key)
        language = message_language(text, default=interface)
        yield _element("li", "", language, f"<bdi>{escape(harmless(key))}</bdi> {isolate(text, language)}")


def _change_row(change: Change, interface: Language) -> str:
    words = STRINGS[interface]
    verdict = "worse" if change.is_worse else "better" if change.p < SIGNIFICANT else "noise"
    p = "< 0.001" if change.p < 0.001 else f"{change.p:.3f}"
    told = isolate(words[f"eval_{verdict}"].format(p=p), interface)
    name = escape(words.get(f"measure_{change.name}", "")) or f'<bdi dir="ltr">{escape(change.name)}</bdi>'
    numbers = "".join(f'<td dir="ltr">{value:.3f}</td>' for value in (change.before, change.after))
    return f'<tr class="{verdict}"><th scope="row">{name}</th>{numbers}<td>{told}</td></tr>'


def _table(caption: str, head: str, rows: Sequence[str]) -> str:
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cells(tag: str, texts: Sequence[str], interface: Language) -> str:
    return "".join(f'<{tag} scope="col">{isolate(text, interface)}</{tag}>' for text in texts)


# An answer made into a question


def flagged_html(answer: Answer, set_name: str, interface: Language) -> str:
    """Tell what the form is for and what was quoted, in the language of each quote."""
    words = STRINGS[interface]
    quotes = [_element("blockquote", "source-words", found.language, isolate(found.quote, found.language)) for found in answer.citations]
    quoted = "".join(quotes) or note_html(words["flag_nothing_quoted"], interface)
    note = note_html(words["flag_note"].format(name=set_name), interface)
    return f"<h2>{escape(words['flag_title'])}</h2>{note}<h3>{escape(words['flag_quoted'])}</h3>{quoted}"

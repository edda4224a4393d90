"""The terminal door to evaluation: `bayan eval SET...` runs question sets, `bayan eval new` drafts one.

Knows options and printing only; heavy parts are imported by the command that needs them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from evals.compare import Comparison
    from evals.gate import Bar, Verdict
    from evals.places import Stage
    from evals.runs import Run
    from rag.settings import Settings

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path)
index_option = click.option("--index", type=FOLDER, help="Folder of the index; else BAYAN_INDEX, else a per-user folder.")


class ProgressBars:
    """Draws how far a run is on stderr, a bar for each stage; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._stage, self._bar = "", tqdm(disable=True)

    def __call__(self, stage: Stage, done: int, total: int) -> None:
        if stage != self._stage or total != self._bar.total:
            self._bar.close()
            self._stage, self._bar = stage, tqdm(total=total, initial=done, desc=stage, unit="", disable=None)
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()


class EvalGroup(click.Group):
    """`bayan eval SET...` is `bayan eval run SET...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["run", *args])


@click.group("eval", cls=EvalGroup)
def evaluation() -> None:
    """Ask question sets and measure the answers; `bayan eval new` drafts a set."""


def _bars(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> list[Bar]:
    if not texts:
        return []
    from evals.gate import parse

    try:
        return [parse(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@evaluation.command("run")
@click.argument("sets", nargs=-1, required=True, type=FOLDER, metavar="SET...")
@index_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("--report", "reports", type=FILE, multiple=True, help="Write a report: .html, .md or .json. May be repeated.")
@click.option("--compare", "before", metavar="RUN", help="Set beside another run: its folder, its name below --runs, or its summary.json.")
@click.option("--min", "bars", multiple=True, callback=_bars, metavar="MEASURE=VALUE", help="Fail below this; see the README. Repeatable.")
@click.option("--no-worse", is_flag=True, help="Fail when a measure is worse than in the run compared with, beyond noise.")
@click.option("--junit", type=FILE, help="Write what passed and what failed as JUnit XML.")
@click.option("--system", default="bayan", show_default=True, metavar="SPEC", help="bayan, openai:MODEL@URL or runnable:MODULE:ATTRIBUTE.")
@click.option("--retrieval-only", is_flag=True, help="Search without answering.")
@click.option("--contexts", type=FILE, metavar="FILE", help="Put SQuAD questions to this SQuAD file's texts; see the README.")
@click.option("--workers", type=click.IntRange(1, 32), default=1, show_default=True, help="Questions asked at once.")
@click.option("--runs", "folder", type=FOLDER, help="Folder where runs are kept; else `runs` in the index folder.")
@click.option("--fresh", is_flag=True, help="Ask every question again, also those that a run like this one has asked.")
def run_sets(
    sets: tuple[Path, ...],
    index: Path | None,
    as_json: bool,
    reports: tuple[Path, ...],
    before: str | None,
    bars: list[Bar],
    no_worse: bool,
    junit: Path | None,
    system: str,
    retrieval_only: bool,
    contexts: Path | None,
    workers: int,
    folder: Path | None,
    fresh: bool,
) -> None:
    """Ask the questions of each SET of the index, or of the set's own corpus, and measure the answers.

    A SET is a file (.jsonl, .csv, .json in SQuAD's format, .topics) or a BEIR folder. A run that was stopped goes on where it was.
    `bayan eval new --help` tells how to draft a set.
    """
    if no_worse and before is None:
        raise click.UsageError("--no-worse needs --compare RUN")
    if wrong := [str(path) for path in reports if path.suffix not in (".html", ".md", ".json")]:
        raise click.UsageError(f"--report {wrong[0]}: the name must end in .html, .md or .json")
    from evals import gate
    from evals.compare import compare, load_values
    from evals.formats import read_sets
    from evals.runs import run

    settings = _settings(index)
    folder = folder or settings.index / "runs"
    earlier = load_values(_resolve(before, folder)) if before else None
    done = run(
        read_sets(sets, contexts=contexts),
        settings=settings,
        folder=folder,
        system=system,
        retrieval_only=retrieval_only,
        workers=workers,
        fresh=fresh,
        watch=ProgressBars(),
    )
    compared = compare(earlier, done.values) if earlier is not None else {}
    verdicts = [*gate.check(bars, done.summary), *(gate.check_regressions(compared) if no_worse else [])]
    _write_reports(done, compared, verdicts, reports, junit)
    _print(done, compared, verdicts, as_json)
    if any(not verdict.passed for verdict in verdicts):
        sys.exit(1)


@evaluation.command()
@index_option
@click.option("-o", "--output", type=FILE, required=True, help="The JSONL file to write; it must not be there yet.")
def new(index: Path | None, output: Path) -> None:
    """Draft a question set: one line a statement of the index, to fill in by hand."""
    from evals.questions import draft
    from rag.build import list_statements
    from rag.errors import SourceError

    statements = list_statements(_settings(index))
    try:
        with open(output, "x", encoding="utf-8") as file:
            file.write(draft(statements))
    except OSError as error:
        raise SourceError(f'"{output}" cannot be written ({error.strerror}); choose another name with -o') from error
    click.echo(f'{len(statements)} lines in "{output}": write a question and its evidence in each, delete the others', err=True)


def _settings(index: Path | None) -> Settings:
    from rag.settings import load_settings

    return load_settings(index=index)


def _resolve(run: str, folder: Path) -> Path:
    return Path(run) if Path(run).exists() else folder / run


def _write_reports(
    done: Run, compared: dict[str, Comparison], verdicts: list[Verdict], reports: tuple[Path, ...], junit: Path | None
) -> None:
    from evals import gate, report
    from rag.errors import SourceError

    written = [(path, report.render(path.suffix, done, compared, verdicts)) for path in reports]
    if junit:
        written.append((junit, gate.junit(verdicts, done.seconds)))
    for path, text in written:
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise SourceError(f'"{path}" cannot be written ({error.strerror})') from error


def _print(done: Run, compared: dict[str, Comparison], verdicts: list[Verdict], as_json: bool) -> None:
    from evals import report

    record: dict[str, Any] = report.contract(done, compared, verdicts)
    click.echo(json.dumps(record, ensure_ascii=False, indent=2) if as_json else report.as_text(done, compared))
    for warning in done.about["warnings"]:
        click.echo(f"bayan: {warning}", err=True)
    for verdict in verdicts:
        click.echo(f"bayan: {'passed' if verdict.passed else 'FAILED'}: {verdict.sentence}", err=True)
    click.echo(f"bayan: the run is kept in {done.folder}", err=True)

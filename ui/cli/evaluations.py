"""The terminal door to evaluation: `bayan eval SET...` runs question sets, `new` and `accept` make one, `judge` asks a model's opinion.

Knows options and printing only; heavy parts are imported by the command that needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from tqdm import tqdm

from rag.controls import json_text
from ui.html.lines import echo

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from evals.measuring.places import Stage
    from evals.measuring.runs import Run
    from evals.reporting.compare import Comparison
    from evals.reporting.gate import Bar, Verdict
    from rag.schema import Language, Statement
    from rag.settings import Settings

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path)
llm_option = click.option("--llm", help="Language model, such as openai:MODEL@URL or local:NAME; else BAYAN_LLM.")
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
    from evals.reporting.gate import parse

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
@click.option("--price-in", type=click.FloatRange(0), metavar="PRICE", help="Of a million tokens that a chat model is given, for the cost.")
@click.option("--price-out", type=click.FloatRange(0), metavar="PRICE", help="Of a million tokens that it writes.")
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
    price_in: float | None,
    price_out: float | None,
) -> None:
    """Ask the questions of each SET of the index, or of the set's own corpus, and measure the answers.

    A SET is a file (.jsonl, .csv, .json in SQuAD's format, .topics) or a BEIR folder. A run that was stopped goes on where it was.
    `bayan eval new --help` tells how to draft a set.
    """
    if no_worse and before is None:
        raise click.UsageError("--no-worse needs --compare RUN")
    if (price_in is None) != (price_out is None):
        raise click.UsageError("--price-in and --price-out go together: prices of a million tokens, in one currency")
    if wrong := [str(path) for path in reports if path.suffix not in (".html", ".md", ".json")]:
        raise click.UsageError(f"--report {wrong[0]}: the name must end in .html, .md or .json")
    from evals.measuring.runs import run
    from evals.questions.formats import read_sets
    from evals.reporting import gate
    from evals.reporting.compare import compare, load_values

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
        prices={"input": price_in, "output": price_out} if price_in is not None and price_out is not None else None,
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
@click.option("--propose", is_flag=True, help="Let the language model propose the questions; none is asked before you accept it.")
@llm_option
@click.option("--each", type=click.IntRange(1, 20), default=1, show_default=True, help="Questions proposed for each statement.")
@click.option("--language", type=click.Choice(["ar", "en"]), help="Language of the proposed questions; else that of each statement.")
def new(index: Path | None, output: Path, propose: bool, llm: str | None, each: int, language: Language | None) -> None:
    """Draft a question set: one line a statement of the index, to fill in by hand, or questions that a chat model proposes."""
    from evals.questions.questions import draft
    from rag.build import list_statements
    from rag.errors import SourceError

    settings = _settings(index, llm if propose else None)
    statements = list_statements(settings)
    try:
        with open(output, "x", encoding="utf-8") as file:
            if propose:
                _propose(file, statements, settings, each, language)
            else:
                file.write(draft(statements))
    except OSError as error:
        raise SourceError(f'"{output}" cannot be written ({error.strerror}); choose another name with -o') from error
    except BaseException:
        output.unlink()  # nothing half-made is left; what a provider charges for is little and can be asked for again
        raise
    told = f"review them with: bayan eval accept {output}" if propose else "write a question and its evidence in each, delete the others"
    echo(f'{len(output.read_text("utf-8").splitlines())} lines in "{output}": {told}', err=True)


def _propose(file: TextIO, statements: Sequence[Statement], settings: Settings, each: int, language: Language | None) -> None:
    from evals.questions.propose import propose
    from rag.errors import ModelError

    model = _chat_model(settings, "--propose")
    try:
        for records in tqdm(propose(statements, model, settings.llm, each=each, language=language), total=len(statements), disable=None):
            file.writelines(json_text(record) + "\n" for record in records)
    except Exception as error:  # each provider raises its own
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f'the language model "{settings.llm}" could not be asked: {reason}') from error
    if not file.tell():
        raise ModelError(f'the language model "{settings.llm}" proposed no question whose evidence stands in its statement')


@evaluation.command()
@click.argument("path", metavar="SET", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("ids", nargs=-1, metavar="[ID...]")
def accept(path: Path, ids: tuple[str, ...]) -> None:
    """Decide on the questions of a JSONL SET that a model proposed: shown one after the other, or those of the ids given accepted."""
    from evals.questions.propose import accept as decide
    from evals.questions.propose import proposals
    from evals.questions.questions import SetError

    waiting = {str(record.get("id")): record for record in proposals(path)}
    if unknown := [key for key in ids if key not in waiting]:
        raise SetError([f'"{path}" has no proposed question with the id "{key}"' for key in unknown])
    decided: dict[str, str] = dict.fromkeys(ids, "a")
    for key, record in waiting.items() if not ids else ():
        echo(f"\n{key}  {record.get('question')}\n  answered by: {' | '.join(record.get('evidence') or [])}\n  {record.get('note', '')}")
        choice = click.prompt("(a)ccept, (d)rop, (l)ater, (q)uit", type=click.Choice(["a", "d", "l", "q"]), show_choices=False)
        if choice == "q":
            break
        decided[key] = choice
    decide(
        path, {key for key, choice in decided.items() if choice == "a"}, dropped={key for key, choice in decided.items() if choice == "d"}
    )
    counts = {name: list(decided.values()).count(choice) for name, choice in (("accepted", "a"), ("dropped", "d"))}
    left = len(waiting) - sum(counts.values())
    echo(f"{counts['accepted']} accepted, {counts['dropped']} dropped, {left} still wait", err=True)


@evaluation.command()
@click.argument("name", metavar="RUN")
@index_option
@click.option("--runs", "folder", type=FOLDER, help="Folder where runs are kept; else `runs` in the index folder.")
@llm_option
@click.option("--report", "reports", type=FILE, multiple=True, help="Write a report with the opinions: .html, .md or .json.")
def judge(name: str, index: Path | None, folder: Path | None, llm: str | None, reports: tuple[Path, ...]) -> None:
    """Ask a chat model what it thinks of a RUN's answers: faithful to their quotes, relevant to their questions. Needs bayan[judge].

    Opinions are told apart from what is measured; no gate looks at them.
    """
    from evals.measuring.judge import judge as ask_judge
    from evals.measuring.runs import read_run
    from evals.reporting import report

    settings = _settings(index, llm)
    run = read_run(_resolve(name, folder or settings.index / "runs"))
    with tqdm(desc="judging", unit="", disable=None) as bar:

        def watch(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        ask_judge(run, _chat_model(settings, "judging"), settings.llm, watch=watch)
    echo(report.judged_text(run))
    _write_reports(run, {}, [], reports, None)


def _settings(index: Path | None, llm: str | None = None) -> Settings:
    from rag.settings import load_settings

    return load_settings(index=index, llm=llm)


def _chat_model(settings: Settings, purpose: str) -> BaseChatModel:
    from rag.build import open_llm
    from rag.errors import SettingsError

    model = open_llm(settings)
    if model is None:
        raise SettingsError(f"{purpose} needs a language model; name one with --llm or BAYAN_LLM")
    return model


def _resolve(run: str, folder: Path) -> Path:
    return Path(run) if Path(run).exists() else folder / run


def _write_reports(
    done: Run, compared: dict[str, Comparison], verdicts: list[Verdict], reports: tuple[Path, ...], junit: Path | None
) -> None:
    from evals.reporting import gate, report
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
    from evals.reporting import report

    record: dict[str, Any] = report.contract(done, compared, verdicts)
    echo(json_text(record, indent=2) if as_json else report.as_text(done, compared))
    for warning in done.about["warnings"]:
        echo(f"bayan: {warning}", err=True)
    for verdict in verdicts:
        echo(f"bayan: {'passed' if verdict.passed else 'FAILED'}: {verdict.sentence}", err=True)
    echo(f"bayan: the run is kept in {done.folder}", err=True)

"""The terminal door: `bayan COMMAND`. Turns errors into one line and an exit status, once, here.

JSON goes alone to stdout, progress and messages to stderr; 0 success, 1 failure, 2 wrong usage. Heavy parts are imported by the command
that needs them, so that `bayan --help` is quick.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from rag.controls import harmless, json_text
from rag.errors import BayanError, IndexMissing, SettingsError
from ui.cli.backup import back_up, restore
from ui.cli.evaluations import evaluation
from ui.cli.filter_options import filter_options, told
from ui.cli.keys import keys
from ui.html.lines import account_text, answer_text, echo, facets_text, findings_text, hit_text, model_text, report_text, statement_text

if TYPE_CHECKING:
    from rag.schema import IngestReport
    from rag.settings import Settings

index_option = click.option(
    "--index", type=click.Path(path_type=Path), help="Folder of the index; else BAYAN_INDEX, else a per-user folder."
)
llm_option = click.option(
    "--llm", help="Language model that words the answer, such as openai:MODEL@URL or local:NAME; else BAYAN_LLM, else none."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


class Edge(click.Group):
    """Turns Bayan's errors into one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
        try:
            return super().invoke(ctx)
        except BayanError as error:
            echo(f"bayan: {' '.join(str(error).split())}", err=True)
            ctx.exit(1)
        except click.ClickException as error:  # click prints it, with what was typed and names of files
            error.message = harmless(error.message)  # type: ignore[misc]
            raise


@click.group(cls=Edge, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bayan", message="%(version)s")
def main() -> None:
    """Ask questions about official and press statements, in Arabic or English; answers are verbatim, cited quotes."""


@main.command()
@click.argument("sources", nargs=-1, metavar="PATH|URL...")
@click.option("--prune", is_flag=True, help="Also remove statements that are gone from the given folders and addresses.")
@click.option("--rebuild", is_flag=True, help="Make the index anew from the statements it holds; takes no PATH.")
@click.option("--map", "columns", metavar="text=COLUMN,…", help="Columns of tables: text, title, issuer, date, language, source, id.")
@click.option("--workers", type=click.IntRange(1, 64), help="Files read side by side; by default one a processor, at most 4.")
@click.option("--watch", is_flag=True, help="Go on taking in what changes, until Ctrl-C; with --json, a JSON object a line.")
@click.option("--every", type=click.FloatRange(1), default=15, show_default=True, help="Minutes between two looks at an address; --watch.")
@index_option
@json_option
def ingest(
    sources: tuple[str, ...],
    prune: bool,
    rebuild: bool,
    columns: str | None,
    workers: int | None,
    watch: bool,
    every: float,
    index: Path | None,
    as_json: bool,
) -> None:
    """Add or update statements from files, folders and addresses: text, web pages, feeds, sitemaps, PDF, office files, e-mails, tables and
    ZIP archives of them.

    Running it again changes nothing.
    """
    if bool(sources) == rebuild:
        raise click.UsageError("give at least one PATH, or --rebuild without one")
    if rebuild and watch:
        raise click.UsageError("--watch goes with PATHs, not with --rebuild")
    given: dict[str, Any] = {"columns": _columns(columns), "prune": prune, "workers": workers}
    if watch:
        _watch(sources, _settings(index=index), every=every, as_json=as_json, **given)
        return
    from ingest import pipeline

    settings, progress = _settings(index=index), sys.stderr.isatty()
    if rebuild:
        report = pipeline.rebuild(settings=settings, progress=progress)
    else:
        report = pipeline.ingest(sources, settings=settings, progress=progress, **given)
    _print(report, report_text, as_json)
    _tell_problems(report)
    named = {*sources, *(str(Path(source).resolve()) for source in sources)}
    taken = report.added + report.updated + report.unchanged
    if any(problem.source in named for problem in report.rejected) or (report.rejected and not taken):
        sys.exit(1)


@main.command()
@click.argument("question")
@click.option("--language", type=click.Choice(["auto", "ar", "en"]), help="Language of the answer's own words.")
@filter_options
@llm_option
@index_option
@json_option
def ask(question: str, language: str | None, llm: str | None, index: Path | None, as_json: bool, **narrow: Any) -> None:
    """Answer QUESTION with verbatim quotes, or say that no answer was found. A language model's text is printed once it is checked."""
    from rag.assistant import Assistant, check_question

    check_question(question)
    filters = told(narrow)
    settings = _settings(index=index, language=language, llm=llm)
    _tell_memory(settings)
    answer = Assistant.open(settings=settings).ask(question, filters=filters)
    _print(answer, answer_text, as_json)


@main.command()
@click.argument("query")
@click.option("--top-k", type=click.IntRange(1, 100), default=10, show_default=True, help="Passages to return.")
@filter_options
@index_option
@json_option
def search(query: str, top_k: int, index: Path | None, as_json: bool, **narrow: Any) -> None:
    """List the passages nearest to QUERY."""
    from rag.assistant import Assistant

    filters = told(narrow)
    hits = Assistant.open(settings=_settings(index=index)).search(query, top_k=top_k, filters=filters)
    _print({"query": query, "hits": hits}, lambda found: "\n\n".join(map(hit_text, found["hits"])) or "nothing found", as_json)


@main.command()
@index_option
@llm_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one.  [default: 7860]")
def serve(index: Path | None, llm: str | None, host: str | None, port: int | None) -> None:
    """Open the chat window, and beside it REST (/api/v1), OpenAI's interface (/v1) and MCP (/mcp)."""
    from ui.service.access import Access

    settings = _settings(index=index, llm=llm, host=host, port=port)
    Access.configured(settings)  # before the model is loaded for nothing
    _tell_memory(settings)
    echo("loading the model and the index …", err=True)
    gc.disable()  # until it serves: the imports make millions of lasting objects, and looking through them takes a second of twelve
    Thread(target=import_module, args=("ui.server",), daemon=True).start()  # the window's parts, while model and index are read
    from rag.assistant import Assistant
    from ui.service.evaluations import Evaluations
    from ui.service.late import LateAssistant

    try:
        assistant = Assistant.open(settings=settings)
    except IndexMissing:  # the window opens all the same, and takes statements
        echo(f'there is no index at "{settings.index}" yet; statements can be added in the window', err=True)
        assistant = LateAssistant(settings)
    from ui.server import serve as serve_doors

    serve_doors(assistant, settings=settings, evaluations=Evaluations(settings))


@main.command()
@index_option
def mcp(index: Path | None) -> None:
    """Serve the tools that ask, search, list, count and read statements to other assistants, by the Model Context Protocol over stdio."""
    from importlib.util import find_spec

    if not find_spec("mcp"):
        raise SettingsError("the package `mcp` is not installed; run: pip install 'bayan[mcp]'")
    from rag.assistant import Assistant
    from ui.http.mcp import build
    from ui.service.service import Service

    settings = _settings(index=index)
    build(Service(Assistant.open(settings=settings), settings)).run("stdio")


@main.command()
@click.argument("statement_id", required=False, metavar="[ID]")
@index_option
@json_option
def statements(statement_id: str | None, index: Path | None, as_json: bool) -> None:
    """List the statements of the index, newest first; with ID, tell where one was read, its earlier texts and those nearly the same."""
    from rag.build import account, list_statements

    if statement_id is not None:
        _print(account(_settings(index=index), statement_id), account_text, as_json)
        return
    found = list_statements(_settings(index=index))
    _print({"statements": found}, lambda listed: "\n".join(map(statement_text, listed["statements"])), as_json)


@main.command()
@filter_options
@index_option
@json_option
def facets(index: Path | None, as_json: bool, **narrow: Any) -> None:
    """Count the statements by issuer, language, source and year: what --issuer, --source and the others can narrow a search to."""
    from rag.build import count_statements

    _print(count_statements(_settings(index=index), told(narrow)), facets_text, as_json)


@main.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@index_option
def remove(ids: tuple[str, ...], index: Path | None) -> None:
    """Remove statements by id, or by the unambiguous beginning of one."""
    from ingest import pipeline

    for statement_id in pipeline.remove(ids, settings=_settings(index=index)):
        echo(f"removed {statement_id}", err=True)


@main.group()
def models() -> None:
    """Model weights: list them, fetch them, check their digests."""


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List the catalogue and what of it is in the cache."""
    from rag.embedding.catalogue import catalogue, installed

    cache = _settings().cache
    rows = [
        {
            "name": m.name,
            "kind": m.kind,
            "bytes": m.size,
            "licence": m.licence,
            "sha256": m.sha256,
            "installed": installed(m.name, cache),
        }
        for m in catalogue().values()
    ]
    _print({"models": rows}, lambda found: "\n".join(map(model_text, found["models"])), as_json)


@models.command()
@click.argument("name")
def pull(name: str) -> None:
    """Fetch and verify the weights NAME of the catalogue, and unpack an embedding model."""
    from rag.embedding.catalogue import entry, weights_path

    settings = _settings()
    path = weights_path(name, cache=settings.cache, offline=settings.offline)
    if entry(name).format == "e5s1":
        from rag.embedding.local import engine_of, unpacked

        path = unpacked(path, entry(name).sha256, engine=engine_of(name, settings.embedding_engine), thorough=True)
    echo(f"{name} is ready in {path}", err=True)


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify_models(names: tuple[str, ...]) -> None:
    """Hash the cached weights again and compare with the catalogue; without NAME, all that are there."""
    from rag.embedding.catalogue import catalogue, installed, verify

    cache = _settings().cache
    for name in names or [name for name in catalogue() if installed(name, cache)]:
        echo(f"{name} is as catalogued: {verify(name, cache=cache)}", err=True)


@main.command()
@click.option("--fix", is_flag=True, help="Mend what is damaged, if need be by making the index anew from the texts it holds.")
@index_option
@json_option
def doctor(fix: bool, index: Path | None, as_json: bool) -> None:
    """Read every byte of model and index, and look at the disk; exit status 1 when something is wrong."""
    from rag import doctor as checks

    settings = _settings(index=index)
    if fix:
        from ingest.mend import mend

        if report := mend(settings, progress=sys.stderr.isatty()):
            echo(f"the index was made anew from its texts: {report.updated} statements", err=True)
            _tell_problems(report)
    findings = checks.examine_all(settings)
    _print({"ok": all(f.ok for f in findings), "findings": findings}, findings_text, as_json)
    if not all(finding.ok for finding in findings):
        sys.exit(1)


main.add_command(back_up)
main.add_command(restore)
main.add_command(evaluation)
main.add_command(keys)


def _watch(sources: tuple[str, ...], settings: Settings, *, every: float, as_json: bool, **given: Any) -> None:
    """Print what each run changed, a line each, until the process is interrupted or told to end."""
    import signal

    from ingest.watch import watch
    from rag.schema import to_json

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for report in watch(sources, settings=settings, interval_s=60 * every, **given):
            echo(json_text(to_json(report)) if as_json else report_text(report))
            sys.stdout.flush()
            _tell_problems(report)
    except KeyboardInterrupt:
        echo("stopped", err=True)


def _tell_problems(report: IngestReport) -> None:
    for problem in (*report.rejected, *report.warnings):
        echo(f"bayan: {problem.reason}", err=True)


def _columns(told: str | None) -> dict[str, str]:
    """Read `text=body,title=headline`."""
    pairs = dict(part.partition("=")[::2] for part in (told or "").split(",") if part)
    known = ("text", "title", "issuer", "date", "language", "source", "id")
    if bad := [name for name, column in pairs.items() if name not in known or not column]:
        raise click.UsageError(f'--map cannot be "{bad[0]}"; give pairs such as text=body, of: {", ".join(known)}')
    return pairs


def _settings(**flags: object) -> Settings:
    from rag.settings import load_settings

    return load_settings(**flags)


def _tell_memory(settings: Settings) -> None:
    """Say what a local language model takes before it is fetched and loaded."""
    from rag.embedding.catalogue import installed
    from rag.generation.models import check_spec, memory_needed

    check_spec(settings.llm)
    if needed := memory_needed(settings.llm):
        name = settings.llm.partition(":")[2]
        fetched = "" if installed(name, settings.cache) else " and is fetched first"
        echo(f"{name} takes about {needed / 1e6:,.0f} MB of memory{fetched} …", err=True)


def _print(record: Any, as_text: Callable[[Any], str], as_json: bool) -> None:
    from rag.schema import to_json

    echo(json_text(to_json(record), indent=2) if as_json else as_text(record))


if __name__ == "__main__":
    main()

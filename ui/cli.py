"""The terminal door: `bayan COMMAND`. Turns errors into one line and an exit status, once, here.

JSON goes alone to stdout, progress and messages to stderr; 0 success, 1 failure, 2 wrong usage. Heavy parts are imported by the command
that needs them, so that `bayan --help` is quick.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.errors import BayanError
from ui.eval_cli import evaluation

if TYPE_CHECKING:
    from rag.schema import Answer, Citation, Hit, IngestReport, Statement
    from rag.settings import Settings

index_option = click.option(
    "--index", type=click.Path(path_type=Path), help="Folder of the index; else BAYAN_INDEX, else a per-user folder."
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
            click.echo(f"bayan: {' '.join(str(error).split())}", err=True)
            ctx.exit(1)


@click.group(cls=Edge, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bayan", message="%(version)s")
def main() -> None:
    """Ask questions about official and press statements, in Arabic or English; answers are verbatim, cited quotes."""


@main.command()
@click.argument("sources", nargs=-1, metavar="PATH...")
@click.option("--prune", is_flag=True, help="Also remove statements whose files are gone from the given folders.")
@click.option("--rebuild", is_flag=True, help="Make the index anew from the statements it holds; takes no PATH.")
@index_option
@json_option
def ingest(sources: tuple[str, ...], prune: bool, rebuild: bool, index: Path | None, as_json: bool) -> None:
    """Add or update statements from files and folders (.txt, .md, .html). Running it again changes nothing."""
    if bool(sources) == rebuild:
        raise click.UsageError("give at least one PATH, or --rebuild without one")
    from ingest import pipeline

    settings, progress = _settings(index=index), sys.stderr.isatty()
    if rebuild:
        report = pipeline.rebuild(settings=settings, progress=progress)
    else:
        report = pipeline.ingest(sources, settings=settings, prune=prune, progress=progress)
    _print(report, _report_text, as_json)
    for problem in (*report.rejected, *report.warnings):
        click.echo(f"bayan: {problem.reason}", err=True)
    named = {str(Path(source).resolve()) for source in sources}
    taken = report.added + report.updated + report.unchanged
    if any(problem.source in named for problem in report.rejected) or (report.rejected and not taken):
        sys.exit(1)


@main.command()
@click.argument("question")
@click.option("--language", type=click.Choice(["auto", "ar", "en"]), help="Language of the answer's own words.")
@index_option
@json_option
def ask(question: str, language: str | None, index: Path | None, as_json: bool) -> None:
    """Answer QUESTION with verbatim quotes, or say that no answer was found."""
    from rag.assistant import Assistant, check_question

    check_question(question)
    answer = Assistant.open(settings=_settings(index=index, language=language)).ask(question)
    _print(answer, _answer_text, as_json)


@main.command()
@click.argument("query")
@click.option("--top-k", type=click.IntRange(1, 100), default=10, show_default=True, help="Passages to return.")
@index_option
@json_option
def search(query: str, top_k: int, index: Path | None, as_json: bool) -> None:
    """List the passages nearest to QUERY."""
    from rag.assistant import Assistant

    hits = Assistant.open(settings=_settings(index=index)).search(query, top_k=top_k)
    _print({"query": query, "hits": hits}, lambda found: "\n\n".join(map(_hit_text, found["hits"])) or "nothing found", as_json)


@main.command()
@index_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one.  [default: 7860]")
def serve(index: Path | None, host: str | None, port: int | None) -> None:
    """Open the chat window, with evaluation in a tab of it."""
    settings = _settings(index=index, host=host, port=port)
    click.echo("loading the model and the index …", err=True)
    from rag.assistant import Assistant
    from ui.app import serve as serve_chat
    from ui.evaluations import Evaluations

    serve_chat(Assistant.open(settings=settings), host=settings.host, port=settings.port, evaluations=Evaluations(settings))


@main.command()
@index_option
@json_option
def statements(index: Path | None, as_json: bool) -> None:
    """List the statements of the index, newest first."""
    from rag.build import list_statements

    found = list_statements(_settings(index=index))
    _print({"statements": found}, lambda listed: "\n".join(map(_statement_text, listed["statements"])), as_json)


@main.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@index_option
def remove(ids: tuple[str, ...], index: Path | None) -> None:
    """Remove statements by id, or by the unambiguous beginning of one."""
    from ingest import pipeline

    for statement_id in pipeline.remove(ids, settings=_settings(index=index)):
        click.echo(f"removed {statement_id}", err=True)


@main.group()
def models() -> None:
    """Model weights: list them, fetch them, check their digests."""


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List the catalogue and what of it is in the cache."""
    from rag.models import catalogue, installed

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
    _print({"models": rows}, lambda found: "\n".join(map(_model_text, found["models"])), as_json)


@models.command()
@click.argument("name")
def pull(name: str) -> None:
    """Fetch and verify the weights NAME of the catalogue, and unpack an embedding model."""
    from rag.models import entry, weights_path

    settings = _settings()
    path = weights_path(name, cache=settings.cache, offline=settings.offline)
    if entry(name).format == "e5s1":
        from rag.embeddings import unpacked

        path = unpacked(path, entry(name).sha256)
    click.echo(f"{name} is ready in {path}", err=True)


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify_models(names: tuple[str, ...]) -> None:
    """Hash the cached weights again and compare with the catalogue; without NAME, all that are there."""
    from rag.models import catalogue, installed, verify

    cache = _settings().cache
    for name in names or [name for name in catalogue() if installed(name, cache)]:
        click.echo(f"{name} is as catalogued: {verify(name, cache=cache)}", err=True)


@main.command()
@click.option("--fix", is_flag=True, help="Bring the lexical index in step with the store.")
@index_option
@json_option
def doctor(fix: bool, index: Path | None, as_json: bool) -> None:
    """Check model, index and disk; exit status 1 when something is wrong."""
    from rag import doctor as checks

    settings = _settings(index=index)
    if fix:
        checks.fix(settings)
    findings = checks.examine_all(settings)
    _print({"ok": all(f.ok for f in findings), "findings": findings}, _findings_text, as_json)
    if not all(finding.ok for finding in findings):
        sys.exit(1)


main.add_command(evaluation)


def _settings(**flags: object) -> Settings:
    from rag.settings import load_settings

    return load_settings(**flags)


def _print(record: Any, as_text: Callable[[Any], str], as_json: bool) -> None:
    from rag.schema import to_json

    click.echo(json.dumps(to_json(record), ensure_ascii=False, indent=2) if as_json else as_text(record))


def _answer_text(answer: Answer) -> str:
    sources = "\n".join(_citation_text(citation) for citation in (*answer.citations, *answer.nearest))
    return f"{answer.answer}\n\n{sources}" if sources else answer.answer


def _citation_text(citation: Citation) -> str:
    known = " · ".join(part for part in (citation.title, citation.issuer, citation.date) if part)
    return f"[{citation.number}] {known}\n    {citation.source}:{citation.start}–{citation.end}\n    {citation.quote}"


def _hit_text(hit: Hit) -> str:
    return f"{hit.rank}. {hit.score:.2f}  {hit.title}\n   {hit.source}:{hit.start}–{hit.end}\n   {' '.join(hit.text.split())}"


def _statement_text(statement: Statement) -> str:
    return f"{statement.statement_id}  {statement.date or '—':10}  {statement.language}  {statement.title}"


def _report_text(report: IngestReport) -> str:
    counts = (report.added, report.updated, report.unchanged, report.removed, len(report.rejected))
    words = ("added", "updated", "unchanged", "removed", "rejected")
    told = ", ".join(f"{count} {word}" for count, word in zip(counts, words, strict=True))
    return f"{told}; {report.passages} passages written in {report.seconds:.1f} s"


def _model_text(row: dict[str, Any]) -> str:
    state = "installed" if row["installed"] else "not installed"
    return f"{row['name']:30} {row['kind']:10} {row['bytes'] / 1e6:7.0f} MB  {row['licence']:12} {state}"


def _findings_text(record: dict[str, Any]) -> str:
    return "\n".join(
        f"{'ok ' if f.ok else 'BAD'}  {f.name:8} {f.detail}{f' → {f.remedy}' if f.remedy and not f.ok else ''}" for f in record["findings"]
    )


if __name__ == "__main__":
    main()

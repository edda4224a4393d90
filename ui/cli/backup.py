"""The terminal door to backups: `bayan backup FILE` and `bayan restore FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ui.html.lines import echo

if TYPE_CHECKING:
    from ingest.backup import Archived

index_option = click.option(
    "--index", type=click.Path(path_type=Path), help="Folder of the index; else BAYAN_INDEX, else a per-user folder."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command("backup")
@file_argument
@index_option
@json_option
def back_up(file: Path, index: Path | None, as_json: bool) -> None:
    """Write the index into FILE, a ZIP: texts, vectors, feedback, evaluation runs and sets, uploads; no API keys.

    Servers may go on, and ingests too: of an index that is being written the texts alone are kept, and vectors computed at a restore.
    """
    from ingest.backup import backup
    from rag.settings import load_settings

    _tell(backup(load_settings(index=index), file), "kept in", as_json)


@click.command("restore")
@file_argument
@click.option("--force", is_flag=True, help="Replace the index that is there.")
@index_option
@json_option
def restore(file: Path, force: bool, index: Path | None, as_json: bool) -> None:
    """Put the index of FILE, which `bayan backup` has written, in place; every digest is compared before anything is changed."""
    from ingest import backup
    from rag.settings import load_settings

    done = backup.restore(load_settings(index=index), file, force=force, progress=sys.stderr.isatty())
    _tell(done, "restored from", as_json)


def _tell(done: Archived, what: str, as_json: bool) -> None:
    from rag.controls import json_text
    from rag.schema import to_json

    vectors = "" if done.vectors else ", texts alone, without their vectors"
    text = f'{done.statements} statements {what} "{done.file}" ({done.bytes / 1e6:,.1f} MB{vectors}) in {done.seconds:.1f} s'
    echo(json_text(to_json(done), indent=2) if as_json else text)

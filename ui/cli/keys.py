"""The terminal door to access: `bayan keys` adds, lists and removes the API keys of an index."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag.controls import json_text
from ui.html.lines import echo

if TYPE_CHECKING:
    from ui.service.access import KeyFile, Role

index_option = click.option(
    "--index", type=click.Path(path_type=Path), help="Folder of the index; else BAYAN_INDEX, else a per-user folder."
)


@click.group("keys")
def keys() -> None:
    """API keys: who may use the server from other machines, and as what."""


@keys.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(["reader", "editor", "admin"]), default="reader", show_default=True)
@index_option
def add_key(name: str, role: Role, index: Path | None) -> None:
    """Make a key for NAME and print it. It is shown this once: only a hash of it is kept."""
    echo(_file(index).add(name, role))
    echo(f'"{name}" may now use this index as {role}; send the key as `Authorization: Bearer KEY`', err=True)


@keys.command("list")
@index_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_keys(index: Path | None, as_json: bool) -> None:
    """List the keys: id, role, date and name."""
    rows = [{name: value for name, value in asdict(key).items() if name not in ("salt", "hash")} for key in _file(index).listed()]
    if as_json:
        echo(json_text({"keys": rows}, indent=2))
        return
    for row in rows:
        echo(f"{row['key_id']}  {row['role']:6}  {row['created']}  {row['name']}")


@keys.command("remove")
@click.argument("name", metavar="NAME")
@index_option
def remove_key(name: str, index: Path | None) -> None:
    """Remove a key by NAME or id; a running server refuses it at once."""
    removed = _file(index).remove(name)
    echo(f'removed the key "{removed.name}" ({removed.role})', err=True)


def _file(index: Path | None) -> KeyFile:
    from rag.settings import load_settings
    from ui.service.access import key_file

    return key_file(load_settings(index=index))

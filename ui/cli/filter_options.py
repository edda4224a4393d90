"""How a search is narrowed on the command line: options that become `Filters`. What programs send is in `ui/http/filter_fields.py`.

bayan search ميناء --issuer "هيئة الموانئ" --since 2031-01 --in-language ar
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ui.service.filter_help import ISSUER, LANGUAGE, SINCE, SOURCE, STATEMENT, UNTIL

if TYPE_CHECKING:
    from rag.schema import Filters

F = TypeVar("F", bound=Callable[..., Any])


def filter_options(command: F) -> F:
    """Give a command the options that narrow a search."""
    often = " (can be given several times)."
    options = (
        click.option("--issuer", multiple=True, help=ISSUER + often),
        click.option("--since", help=f"{SINCE}."),
        click.option("--until", help=f"{UNTIL}."),
        click.option("--in-language", multiple=True, type=click.Choice(["ar", "en"]), help=LANGUAGE + often),
        click.option("--source", multiple=True, help=SOURCE + often),
        click.option("--statement", multiple=True, help=STATEMENT + often),
    )
    for option in reversed(options):
        command = option(command)
    return command


def told(flags: Mapping[str, Any]) -> Filters | None:
    """Return what the options of `filter_options` say, None when they say nothing. Raises FilterError."""
    from rag.index.filters import checked

    return checked(_filters(**flags))


def _filters(**given: Any) -> Filters:
    from rag.schema import Filters

    return Filters(
        issuers=tuple(given["issuer"]),
        date_from=given["since"],
        date_to=given["until"],
        languages=tuple(given["in_language"]),
        sources=tuple(given["source"]),
        statement_ids=tuple(given["statement"]),
    )

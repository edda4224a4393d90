"""The bar that narrows a question: by who issued the statements, when, and in which language, with how many there are.

Draws, lays out and wires; what is narrowed and counted is the assistant's. The filters belong to the page that is open, to no address.

    FilterBar(Assistant.open("index"), "ar", _bound)  # within gr.Blocks
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Protocol

import gradio as gr

from rag.errors import FilterError
from rag.schema import Facets, Filters, Language
from ui.html.icons import icon
from ui.html.markup import element, figures, filter_labels, isolate, message_language, said
from ui.strings import LANGUAGE_NAMES

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
MOST_ISSUERS = 300
MAX_VALUE_CHARS = 300
NOTHING = Facets(0, {}, {}, {}, {})


class Counting(Protocol):
    """What the bar needs of the assistant."""

    def facets(self, filters: Filters | None = None) -> Facets: ...


class FilterBar:
    """The bar's parts and what each event does to them."""

    def __init__(self, assistant: Counting, language: Language, bound: Callable[..., str]) -> None:
        self.assistant = assistant
        self.filters = gr.State()
        self.bar = gr.HTML("", elem_id="narrow", js_on_load=bound("narrow", "narrow"))

    def wire(self, app: gr.Blocks, switch: gr.Radio, tab: gr.Tab) -> None:
        """Join events to what they do; the counts are taken anew when `tab`, in which the bar is, is opened."""
        self.bar.narrow(self._narrow, switch, [self.filters, self.bar], **PRIVATE)
        gr.on([switch.change, tab.select, app.load], self.draw, [self.filters, switch], self.bar, **PRIVATE)

    def _narrow(self, language: Language, given: gr.EventData) -> tuple[Filters | None, str]:
        filters = read_filters(given.chosen)
        return filters, self.draw(filters, language)

    def draw(self, filters: Filters | None, language: Language) -> str:
        """Draw the bar with the counts of today's index."""
        every = self.assistant.facets()
        try:
            left = self.assistant.facets(filters) if filters else every
        except FilterError:  # dates that end before they begin, and the like: nothing passes
            left = NOTHING
        return narrow_html(every, left, filters, language)


def read_filters(chosen: object) -> Filters | None:
    """Return what the bar's form says, or None when it narrows nothing."""
    fields: list[tuple[str, str]] = [
        (str(pair[0]), str(pair[1])[:MAX_VALUE_CHARS])
        for pair in (chosen if isinstance(chosen, list) else [])
        if isinstance(pair, list) and len(pair) == 2 and str(pair[1]).strip()
    ]
    several = {name: tuple(value for key, value in fields if key == name) for name in ("issuer", "language")}
    one = {name: next((value for key, value in fields if key == name), None) for name in ("from", "to")}
    languages = tuple(code for code in LANGUAGE_NAMES if code in several["language"])
    filters = Filters(issuers=several["issuer"][:MOST_ISSUERS], date_from=one["from"], date_to=one["to"], languages=languages)
    return None if filters == Filters() else filters


def narrow_html(every: Facets, left: Facets, filters: Filters | None, interface: Language) -> str:
    """Draw the bar: how many statements are asked, what they can be narrowed by, and the filters in force, each with its way out."""
    if not every.statements:
        return ""
    counts = {"all": every.statements, "left": left.statements}
    summary = said("narrow_some" if filters else "narrow", interface, **counts)
    menu = element(
        "details", "menu filters", interface, f"<summary>{summary}</summary>{_form_html(every, filters or Filters(), interface)}"
    )
    warning = "" if left.statements else element("p", "problem", interface, said("filter_error", interface))
    return menu + (_chips_html(filters, interface) + warning if filters else "")


def _form_html(every: Facets, chosen: Filters, interface: Language) -> str:
    issuers = {**dict(list(every.issuers.items())[:MOST_ISSUERS]), **{name: every.issuers.get(name, 0) for name in chosen.issuers}}
    names = {name: isolate(name, message_language(name, default=interface)) for name in issuers}
    languages = {code: escape(name) for code, name in LANGUAGE_NAMES.items() if every.languages.get(code)}
    dates = "".join(
        f'<label>{said(f"narrow_{end}", interface)} <input type="date" name="{end}" value="{escape(value or "")}"></label>'
        for end, value in (("from", chosen.date_from), ("to", chosen.date_to))
    )
    sets = (
        ("narrow_language", _boxes("language", languages, every.languages, chosen.languages, interface)),
        ("narrow_date", dates),
        ("narrow_issuer", _boxes("issuer", names, issuers, chosen.issuers, interface)),
    )
    fieldsets = (f"<fieldset><legend>{said(legend, interface)}</legend>{inner}</fieldset>" for legend, inner in sets if inner)
    return element("form", "", interface, "".join(fieldsets))


def _boxes(kind: str, labels: Mapping[Any, str], counts: Mapping[str, int], chosen: tuple[str, ...], interface: Language) -> str:
    """A box to tick for each value, with how many statements have it."""
    return "".join(
        f'<label><input type="checkbox" name="{kind}" value="{escape(value)}"{" checked" if value in chosen else ""}> '
        f'<bdi>{label}</bdi> <span class="count">{figures(counts.get(value, 0), interface)}</span></label>'
        for value, label in labels.items()
    )


def _chips_html(filters: Filters, interface: Language) -> str:
    chips = "".join(
        f'<li><button class="drop" data-name="{kind}" data-value="{escape(value)}" aria-label="{said("narrow_dropped", interface)}'
        f'{escape(value)}"><bdi>{label}</bdi>{icon("close")}</button></li>'
        for kind, value, label in filter_labels(filters, interface)
    )
    clear = f'<button class="clear">{said("narrow_clear", interface)}</button>'
    return element("div", "chosen", interface, f'<ul aria-label="{said("narrow_chosen", interface)}">{chips}</ul>{clear}')

"""Draw a whole statement to be read beside the chat, opened at a quote, with the way to the quotes before and after it.

Pure functions from records to markup. Paragraphs take the direction of their own words; what is no part of the text (web leftovers) is
dimmed; the pages of a PDF are told apart; what was left out of a web page is at the end, folded away.

    reader_html(Place(statement, marks=(Span(10, 40),)), "ar")
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from rag.language.taken import Taken
from rag.schema import Cut, Language, Span, Statement
from ui.html.cards import meta_html, source_html
from ui.html.icons import icon
from ui.html.markup import element, isolate, message_language, said


@dataclass(frozen=True)
class Place:
    """Where a reader is: a statement, the stretch in question first among those to be marked, and its neighbours.

    `before` and `after` are the keys of the quotes around it, `position` of `total` its own place among them.
    """

    statement: Statement
    marks: tuple[Span, ...] = ()
    key: str = ""
    before: str = ""
    after: str = ""
    position: int = 0
    total: int = 0


def reader_html(place: Place | None, interface: Language) -> str:
    """Draw the reader; nothing when no statement is open."""
    if place is None:
        return ""
    statement = place.statement
    title = element("h2", "title", statement.language, isolate(statement.title, statement.language), ' tabindex="-1" id="reader-title"')
    at = place.marks[0].start if place.marks else None
    page, section = (statement.page(at), statement.section(at)) if at is not None else (None, ())
    about = meta_html(statement, interface, page=page, section=section) + source_html(statement.source, interface)
    text = text_html(statement, place.marks, interface) + _left_out_html(statement, interface)
    body = element("div", "text", statement.language, text, ' tabindex="0" role="document"')
    bar = element("div", "bar", interface, _steps_html(place, interface) + _button("close", "close_reader", interface))
    return f'<article class="statement" data-place="{place.key}" aria-labelledby="reader-title">{bar}{title}{about}{body}</article>'


def _steps_html(place: Place, interface: Language) -> str:
    if place.total < 2:
        return "<span></span>"
    told = said("quote_of", interface, position=place.position, total=place.total)
    before = _button("before", "quote_before", interface, place.before)
    after = _button("after", "quote_after", interface, place.after)
    return f'<span class="steps">{before}<span>{told}</span>{after}</span>'


def _button(kind: str, label: str, interface: Language, key: str | None = None) -> str:
    opens = "" if key is None else f' data-open="{key}"' if key else " disabled"
    told = said(label, interface)
    return f'<button class="{kind}" aria-label="{told}" title="{told}"{opens}>{icon(kind)}</button>'


def text_html(statement: Statement, marks: Sequence[Span], interface: Language) -> str:
    """Draw the statement's text, paragraph by paragraph, with `marks` in `<mark>`, the first as the current one."""
    html, page, headings = [], None, {heading.start for heading in statement.headings}
    edges, cut = _edges(statement, marks), Taken(len(statement.text), statement.cuts)
    for line in re.finditer(r"[^\n]+", statement.text):
        if not line[0].strip():
            continue
        if (now := statement.page(line.start())) != page:
            page = now
            html.append(f'<p class="page-begins">{said("page", interface, number=page)}</p>')
        language = message_language(line[0], default=statement.language)
        within = edges[bisect_right(edges, line.start()) : bisect_left(edges, line.end())]
        stretches = pairwise([line.start(), *within, line.end()])
        inner = "".join(_stretch(statement.text, start, end, marks, cut, language, interface) for start, end in stretches)
        begins = line.end() - len(line[0].lstrip())
        html.append(element("h3" if begins in headings else "p", "", language, inner))
    return "".join(html)


def _left_out_html(statement: Statement, interface: Language) -> str:
    """Draw the lines of the page that were taken for no part of the statement, closed until a reader asks for them."""
    if not statement.left_out:
        return ""
    lines = []
    for line in statement.left_out:
        language = message_language(line, default=interface)
        lines.append(element("p", "", language, isolate(line, language)))
    told = f"<summary>{said('left_out', interface, number=len(statement.left_out))}</summary><p>{said('left_out_note', interface)}</p>"
    return element("details", "left-out", interface, told + "".join(lines))


def _edges(statement: Statement, marks: Sequence[Span]) -> list[int]:
    """Where a mark or a cut begins or ends, in order; the current mark stays whole."""
    edges = {edge for span in chain[Span | Cut](marks, statement.cuts) for edge in (span.start, span.end)}
    return sorted(edge for edge in edges if not (marks and marks[0].start < edge < marks[0].end))


def _stretch(text: str, start: int, end: int, marks: Sequence[Span], cut: Taken, language: Language, interface: Language) -> str:
    """Draw a stretch of the text that begins and ends where its line, a mark or one of the cuts does."""
    html = isolate(text[start:end], language)
    for current, mark in enumerate(marks):
        if mark.start <= start and end <= mark.end:
            return f'<mark class="current">{html}</mark>' if current == 0 else f"<mark>{html}</mark>"
    if start in cut:
        return f'<span class="cut" title="{said("cut", interface)}">{html}</span>'
    return html

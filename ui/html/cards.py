"""Draw the evidence beside the chat: a card for each quote, statements that lie in time, and what lies nearest when nothing answers.

Pure functions from records to markup, as `ui/html/render.py`. Each card says who said it, when and where, and opens its statement.

    evidence_html([exchange], "ar")
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rag.controls import harmless
from rag.reading.emphasis import emphasised
from rag.reading.frame import newest
from rag.schema import Citation, Hit, Language, Statement
from ui.html.icons import icon
from ui.html.markup import date_html, element, emphasise, figures, isolate, message_language, said
from ui.service.conversation import Exchange

SNIPPET_CHARS = 140


def evidence_html(exchanges: Sequence[Exchange], interface: Language) -> str:
    """Draw the evidence panel: one set of cards for each answer, the last one in view."""
    sets = [_evidence_set(exchange, turn, interface) for turn, exchange in enumerate(exchanges) if exchange.offered]
    shown = [html.replace("<section ", "<section hidden ", 1) for html in sets[:-1]] + sets[-1:]
    empty = element("p", "note", interface, said("evidence_empty", interface))
    return f'<h2 id="evidence-title">{said("evidence", interface)}</h2>' + ("".join(shown) or empty)


def _evidence_set(exchange: Exchange, turn: int, interface: Language) -> str:
    nearest = exchange.answer is not None and exchange.answer.status == "not_found"
    cards = "".join(_card_of(citation, exchange, turn, interface) for citation in exchange.offered)
    warning = f'<h3>{said("nearest", interface)}</h3><p class="note">{said("nearest_note", interface)}</p>' if nearest else ""
    kind, language = "nearest" if nearest else "cited", message_language(exchange.question, default=interface)
    asked = element("p", "of-question", language, isolate(exchange.question, language))
    return f'<section class="{kind}" data-turn="{turn}">{asked}{warning}{cards}{timeline_html(exchange.found, turn, interface)}</section>'


def _card_of(citation: Citation, exchange: Exchange, turn: int, interface: Language) -> str:
    verbatim = exchange.answer is not None and any(
        check.kind == "quote" and check.supported and check.citation == citation.number for check in exchange.answer.checks
    )
    statement = exchange.statements.get(citation.statement_id)
    newer = exchange.differs and citation.statement_id == newest(list(exchange.statements.values()))
    question = exchange.question if exchange.answer and exchange.answer.status == "answered" else ""
    return card_html(citation, statement, turn, interface, question=question, verbatim=verbatim, newer=newer)


def card_html(
    citation: Citation,
    statement: Statement | None,
    turn: int,
    interface: Language,
    *,
    question: str = "",
    verbatim: bool = False,
    newer: bool = False,
) -> str:
    """Draw one citation: number, title, issuer, date, page, the quote, and the source as text.

    `question`: what may answer it is in bold. `newer`: it is of the newer of statements that answer differently.
    """
    key, number = f"c:{turn}:{citation.number}", figures(citation.number, interface)
    title = element("h3", "title", citation.language, isolate(citation.title, citation.language))
    head = f'<header><span class="number">{number}</span>{title}</header>'
    bearing = emphasised(question, citation.quote) if question else ()
    quote = element("blockquote", "source-words", citation.language, emphasise(citation.quote, bearing, citation.language))
    checked = f'<span class="verbatim">{icon("check")}{said("verbatim", interface)}</span>' if verbatim else ""
    opens = f'<button class="open" data-open="{key}">{said("open_statement", interface)}</button>'
    foot = element("div", "foot", interface, checked + (opens if statement else said("statement_gone", interface)))
    page = statement.page(citation.start) if statement else None
    meta = meta_html(citation, interface, page=page, section=citation.section, newer=newer)
    source = source_html(citation.source, interface)
    return f'<article class="card" id="evidence-{turn}-{citation.number}" tabindex="-1">{head}{meta}{quote}{foot}{source}</article>'


def meta_html(
    about: Citation | Hit | Statement,
    interface: Language,
    *,
    page: int | None = None,
    section: Sequence[str] = (),
    newer: bool = False,
) -> str:
    """Draw who issued a statement, when, and on which page and under which headings something stands, as far as that is known."""
    issuer = (
        element("bdi", "issuer", about.language, isolate(about.issuer, about.language)) if about.issuer else said("no_issuer", interface)
    )
    date = date_html(about.date, interface) if about.date else said("no_date", interface)
    parts = [issuer, date, *([f'<span class="page-number">{said("page", interface, number=page)}</span>'] if page else [])]
    parts += [_section_html(section, about.language, interface)] if section else []
    mark = f' <span class="newer">{said("newer", interface)}</span>' if newer else ""
    return element("p", "meta", interface, " · ".join(parts) + mark)


def _section_html(section: Sequence[str], language: Language, interface: Language) -> str:
    """Draw a section by its headings, each in its own direction; the arrows between them follow the interface's."""
    written = [(heading, message_language(heading, default=language)) for heading in section]
    headings = " › ".join(element("bdi", "heading", own, isolate(heading, own)) for heading, own in written)
    return f'<span class="section">{said("section", interface)}: {headings}</span>'


def source_html(source: str, interface: Language) -> str:
    """Draw where a statement comes from, as text: an address in a document is no link of ours."""
    return element("p", "source", interface, f'{said("source", interface)}: <bdi dir="ltr">{escape(harmless(source))}</bdi>')


def timeline_html(found: Sequence[Hit], turn: int, interface: Language) -> str:
    """Draw the dated statements that the search brought, in the order of time; nothing when there are fewer than two."""
    first: dict[str, Hit] = {}
    for hit in found:
        if hit.date:
            first.setdefault(hit.statement_id, hit)
    dated = sorted(first.values(), key=lambda hit: hit.date or "")
    if len(dated) < 2:
        return ""
    items = "".join(f"<li>{date_html(hit.date or '', interface)}{_entry(hit, turn)}</li>" for hit in dated)
    summary = said("timeline", interface, count=len(dated))
    return f'<details class="timeline" dir="{"rtl" if interface == "ar" else "ltr"}"><summary>{summary}</summary><ol>{items}</ol></details>'


def _entry(hit: Hit, turn: int) -> str:
    text = " ".join(hit.text.split())
    short = text[:SNIPPET_CHARS].rsplit(" ", 1)[0] + " …" if len(text) > SNIPPET_CHARS else text
    title = element("button", "open title", hit.language, isolate(hit.title, hit.language), f' data-open="h:{turn}:{hit.rank}"')
    issuer = element("p", "meta", hit.language, isolate(hit.issuer, hit.language)) if hit.issuer else ""
    return title + issuer + element("p", "snippet", hit.language, isolate(short, hit.language))

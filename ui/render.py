"""Draw questions, answers and their evidence as HTML.

Pure functions from records to markup: knows nothing of Gradio, sessions or the assistant. Every piece of text from a document or a
reader is escaped here, once, in `isolate`; Markdown is never interpreted. Direction is set from the language of the text, and runs
of the other script stand in a `<bdi>` of their own, so that a Latin name or a number cannot reorder an Arabic sentence.

    >>> isolate("بلغ العدد 121", "ar")
    'بلغ العدد <bdi class="figures" dir="ltr">121</bdi>'
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise, takewhile
from typing import NamedTuple

from rag.errors import BayanError, IndexBusy, IndexMismatch, IndexMissing, IndexUnusable, ModelError, QuestionError
from rag.language.detect import language_of
from rag.schema import Answer, Citation, Language, Statement
from ui.strings import STRINGS

CONTEXT_CHARS = 4000  # of a statement shown before and after the quote
THUMBS_DOWN = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M17 3v11M7 14l4 7a2.5 2.5 0 0 0 2-3l-1-4h5V3H7.5A2.5 2.5 0 0 0 5 5l-1.5 6.5'
    'A2.5 2.5 0 0 0 6 14zM17 3h3v11h-3"/></svg>'
)
DIRECTIONS: dict[Language, str] = {"ar": "rtl", "en": "ltr"}

# Arabic letters, marks and digits, without the punctuation Arabic shares with other scripts.
_ARABIC = (
    r"\u0610-\u061a\u0620-\u065f\u066e-\u06d3\u06d5-\u06ff\u0660-\u0669"
    r"\u0750-\u077f\u08a0-\u08ff\ufb50-\ufd3d\ufd50-\ufdff\ufe70-\ufefc"
)
_LATIN = r"A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_LATIN_RUN = rf"[{_LATIN}][{_LATIN}0-9]*(?:[ .'’&/@:?=#%+_-]{{1,3}}[{_LATIN}0-9]+)*"
_NUMBER_RUN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}|(?:(?<!\S)[+-])?[0-9]+(?:[.,:/][0-9]+)*%?"
_FOREIGN: dict[Language, re.Pattern[str]] = {
    "ar": re.compile(rf"{_LATIN_RUN}|{_NUMBER_RUN}"),
    "en": re.compile(rf"[{_ARABIC}]+(?:[ ،؛:.«»0-9-]{{1,12}}[{_ARABIC}]+)*"),
}
_MARKS = '«»“”"'
_QUOTED = re.compile(r"«[^«»]+»|“[^“”]+”|\"[^\"\n]+\"")
_OTHER: dict[Language, Language] = {"ar": "en", "en": "ar"}
_ERROR_KEYS: dict[type[Exception], str] = {
    QuestionError: "question_error",
    ModelError: "model_error",
    **dict.fromkeys((IndexMissing, IndexMismatch, IndexBusy, IndexUnusable), "index_error"),
}


@dataclass(frozen=True)
class Exchange:
    """A question and what has come of it so far: text under way, then an answer, a problem, or a stop.

    `written`: what a language model has written below the quotes, not checked yet.
    """

    question: str
    text: str = ""
    written: str = ""
    answer: Answer | None = None
    statements: Mapping[str, Statement] = field(default_factory=dict)
    problem: Exception | None = None
    stopped: bool = False


class _Piece(NamedTuple):
    """A stretch of an answer: Bayan's own words, a title or a quote in its language, or a citation marker."""

    text: str
    titled: Language | None = None
    quoted: Language | None = None
    number: int | None = None


# Text


def message_language(text: str, *, default: Language) -> Language:
    """Tell the language of a message from its own words; words in quotation marks (a title) count only if there are no others."""
    for words in (_QUOTED.sub(" ", text), text):
        if re.search(r"[^\W\d_]", words):
            return language_of(words)
    return default


def isolate(text: str, language: Language) -> str:
    """Escape text of a language for HTML, with each run of the other script, and in Arabic each number, in a `<bdi>`."""
    html, done = [], 0
    for run in _FOREIGN[language].finditer(text):
        html += [escape(text[done : run.start()]), _isolated(run[0], _OTHER[language])]
        done = run.end()
    return "".join(html) + escape(text[done:])


def _isolated(run: str, language: Language) -> str:
    figures = ' class="figures"' if run[-1] in "0123456789%" and " " not in run and not re.search(f"[{_LATIN}]", run) else ""
    return f'<bdi{figures} dir="{DIRECTIONS[language]}">{isolate(run, language)}</bdi>'


def _element(tag: str, classes: str, language: Language, inner: str) -> str:
    return f'<{tag} class="{classes}" dir="{DIRECTIONS[language]}" lang="{language}">{inner}</{tag}>'


def _spoken(text: str) -> str:
    return f'<span class="spoken">{escape(text)} </span>'


def header_html(interface: Language) -> str:
    """Draw the masthead: the name, and in two sentences what Bayan does and never does."""
    words = STRINGS[interface]
    return _element("div", "masthead", interface, f"<h1>{escape(words['name'])}</h1><p>{escape(words['intro'])}</p>")


# Conversation


def conversation_html(exchanges: Sequence[Exchange], examples: Sequence[str], interface: Language, *, flags: bool = False) -> str:
    """Draw the conversation; before the first question, examples to choose from. `flags`: a thumbs-down below each answer."""
    flag = _flag_html(interface) if flags else ""
    turns = "".join(_exchange_html(exchange, turn, interface, flag) for turn, exchange in enumerate(exchanges))
    label = escape(STRINGS[interface]["conversation"])
    return f'<div class="talk" role="log" aria-label="{label}">{turns or _examples_html(examples, interface)}</div>'


def _examples_html(examples: Sequence[str], interface: Language) -> str:
    buttons = []
    for text in examples:
        language = message_language(text, default=interface)
        button = _element("button", "example", language, isolate(text, language))
        buttons.append(f"<li>{button}</li>")
    note = _element("p", "note", interface, escape(STRINGS[interface]["examples"])) if examples else ""
    return f'{note}<ul class="examples">{"".join(buttons)}</ul>'


def _flag_html(interface: Language) -> str:
    return f'<p class="flagging"><button class="flag" lang="{interface}">{THUMBS_DOWN}{escape(STRINGS[interface]["flag"])}</button></p>'


def _exchange_html(exchange: Exchange, turn: int, interface: Language, flag: str) -> str:
    language, words = message_language(exchange.question, default=interface), STRINGS[interface]
    question = _element("p", "question", language, _spoken(words["you"]) + isolate(exchange.question, language))
    reply = _spoken(words["bayan"]) + _reply_body(exchange, turn, interface)
    return f'<div class="exchange">{question}<div class="reply">{reply}</div>{flag if exchange.answer else ""}</div>'


def _reply_body(exchange: Exchange, turn: int, interface: Language) -> str:
    words = STRINGS[interface]
    draft = _draft(exchange.text, interface) if exchange.text else ""
    if exchange.written:
        draft += _element("p", "note waiting", interface, escape(words["writing"])) + _draft(exchange.written, interface)
    if exchange.problem is not None:
        return draft + _problem(exchange.problem, interface)
    if exchange.stopped:
        return draft + _element("p", "note", interface, escape(words["stopped"]))
    if exchange.answer is not None:
        return answer_html(exchange.answer, turn, interface)
    return draft or _element("p", "note waiting", interface, escape(words["searching"]))


def _draft(text: str, interface: Language) -> str:
    language = message_language(text, default=interface)
    return _element("div", "draft", language, isolate(text, language))


def _problem(problem: Exception, interface: Language) -> str:
    """Say in the reader's language that the answer failed; a detail only where it helps whoever runs Bayan."""
    key = _ERROR_KEYS.get(type(problem), "failure")
    sentence = _element("p", "problem", interface, escape(STRINGS[interface][key]))
    if not isinstance(problem, BayanError) or key == "question_error":
        return sentence
    return sentence + _element("p", "problem detail", "en", isolate(str(problem)[:500], "en"))


def answer_html(answer: Answer, turn: int, interface: Language) -> str:
    """Draw a complete answer: Bayan's own sentences as paragraphs, the source's as quotes, markers as links to the evidence."""
    blocks = [block for paragraph in _paragraphs(_pieces(answer)) for block in _blocks(paragraph)]
    paragraphs = [_block_html(block, answer, turn, interface) for block in blocks]
    status = f"answer {answer.status.replace('_', '-')}"
    return _element("div", status, answer.language, "".join(paragraphs) + _after(answer, turn, interface))


def _after(answer: Answer, turn: int, interface: Language) -> str:
    words = STRINGS[interface]
    if answer.status == "not_found" and answer.nearest:
        link = f'<a class="to-nearest" href="#evidence-{turn}-{answer.nearest[0].number}">{escape(words["nearest_link"])}</a>'
        return _element("p", "note", interface, link)
    doubtful = [check.text for check in answer.checks if not check.supported]
    items = "، ".join(doubtful) if answer.language == "ar" else ", ".join(doubtful)
    warning = f"{escape(words['unsupported'])} {_element('bdi', '', answer.language, isolate(items, answer.language))}"
    return _element("p", "doubt", interface, warning) if doubtful else ""


def _pieces(answer: Answer) -> Iterator[_Piece]:
    languages = {" ".join(citation.quote.split()): citation.language for citation in answer.citations}
    done = 0
    for match in _mark_pattern(languages).finditer(answer.answer):
        marked = _marked(match, answer, languages)
        if marked is not None:
            yield _Piece(answer.answer[done : match.start()])
            yield marked
            done = match.end()
    yield _Piece(answer.answer[done:])


def _mark_pattern(quotes: Mapping[str, Language]) -> re.Pattern[str]:
    """Match a whole cited quote with its quotation marks, else anything in quotation marks, else a marker."""
    whole = [r"\s+".join(map(re.escape, quote.split())) for quote in sorted(quotes, key=len, reverse=True) if quote]
    alternatives = [rf"[«“\"]?(?:{'|'.join(whole)})[»”\"]?"] if whole else []
    return re.compile("|".join([*alternatives, _QUOTED.pattern, r"\[(?P<number>\d+)\]"]))


def _marked(match: re.Match[str], answer: Answer, languages: Mapping[str, Language]) -> _Piece | None:
    if match["number"]:
        known = any(citation.number == int(match["number"]) for citation in answer.citations)
        return _Piece(match[0], number=int(match["number"])) if known else None
    words = " ".join(match[0].strip(_MARKS).split())
    titles = {" ".join(citation.title.split()): citation.language for citation in answer.citations}
    if words in titles and words not in languages and match[0][0] in _MARKS:
        return _Piece(match[0], titled=titles[words])
    quoted = next((language for quote, language in languages.items() if words and words in quote), None)
    return _Piece(match[0], quoted=quoted) if quoted else None


def _paragraphs(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    paragraph: list[_Piece] = []
    for piece in pieces:
        lines = [piece.text] if piece.quoted else piece.text.split("\n")
        for line in lines[:-1]:
            yield [*paragraph, piece._replace(text=line)]
            paragraph = []
        paragraph.append(piece._replace(text=lines[-1]))
    yield paragraph


def _blocks(paragraph: Sequence[_Piece]) -> list[list[_Piece]]:
    """Part a quote that opens a paragraph, with its markers, from what Bayan says after it."""
    said = [piece for piece in paragraph if piece.text.strip()]
    lead = list(takewhile(lambda piece: piece.quoted or piece.number is not None, said))
    parts = [lead, said[len(lead) :]] if any(piece.quoted for piece in lead) else [said]
    return [part for part in parts if part]


def _block_html(pieces: Sequence[_Piece], answer: Answer, turn: int, interface: Language) -> str:
    """Draw a block quote where only quotes and markers stand, else a paragraph of Bayan's own."""
    own = any(not piece.quoted and piece.number is None for piece in pieces)
    language = answer.language if own else next((piece.quoted for piece in pieces if piece.quoted), answer.language)
    inner = "".join(_piece_html(piece, language, turn, interface) for piece in pieces)
    return _element("p" if own else "blockquote", "own" if own else "source-words", language, inner)


def _piece_html(piece: _Piece, language: Language, turn: int, interface: Language) -> str:
    if piece.number is not None:
        label = escape(STRINGS[interface]["chip"].format(number=piece.number))
        return f'<a class="chip" dir="ltr" href="#evidence-{turn}-{piece.number}" aria-label="{label}">[{piece.number}]</a>'
    if piece.titled:
        title = _element("bdi", "cited-title", piece.titled, isolate(piece.text[1:-1], piece.titled))
        return escape(piece.text[0]) + title + escape(piece.text[-1])
    if piece.quoted:
        return _element("span", "quote", piece.quoted, isolate(piece.text, piece.quoted))
    return isolate(piece.text, language)


# Evidence


def evidence_html(exchanges: Sequence[Exchange], interface: Language) -> str:
    """Draw the evidence panel: one set of cards for each answer, the last one in view."""
    words = STRINGS[interface]
    sets = [_evidence_set(exchange, turn, interface) for turn, exchange in enumerate(exchanges) if _offered(exchange)]
    shown = [html.replace("<section ", "<section hidden ", 1) for html in sets[:-1]] + sets[-1:]
    empty = _element("p", "note", interface, escape(words["evidence_empty"]))
    return f'<h2 id="evidence-title">{escape(words["evidence"])}</h2>' + ("".join(shown) or empty)


def _offered(exchange: Exchange) -> tuple[Citation, ...]:
    answer = exchange.answer
    return () if answer is None else answer.citations if answer.status == "answered" else answer.nearest


def _evidence_set(exchange: Exchange, turn: int, interface: Language) -> str:
    nearest = exchange.answer is not None and exchange.answer.status == "not_found"
    cards = [
        card_html(citation, exchange.statements.get(citation.statement_id), f"evidence-{turn}-{citation.number}", interface)
        for citation in _offered(exchange)
    ]
    head = f'<section class="{"nearest" if nearest else "cited"}">{_warning(nearest, interface)}'
    return head + "".join(cards) + "</section>"


def _warning(nearest: bool, interface: Language) -> str:
    words = STRINGS[interface]
    return f'<h3>{escape(words["nearest"])}</h3><p class="note">{escape(words["nearest_note"])}</p>' if nearest else ""


def card_html(citation: Citation, statement: Statement | None, card_id: str, interface: Language) -> str:
    """Draw one citation: number, title, issuer, date, the statement's text around the marked quote, and the source as text."""
    words, language = STRINGS[interface], citation.language
    title = _element("h4", "title", language, isolate(citation.title, language))
    context = _element("div", "context", language, context_html(citation, statement, interface))
    region = context.replace("<div ", f'<div tabindex="0" role="region" aria-label="{escape(words["context"])}" ', 1)
    source = f'<p class="source">{escape(words["source"])}: <bdi dir="ltr">{escape(citation.source)}</bdi></p>'
    head = f'<header><span class="number">{citation.number}</span>{title}</header>'
    return f'<article class="card" id="{card_id}" tabindex="-1">{head}{_meta(citation)}{region}{source}</article>'


def _meta(citation: Citation) -> str:
    issuer = _element("bdi", "issuer", citation.language, isolate(citation.issuer, citation.language)) if citation.issuer else ""
    date = f'<time dir="ltr" datetime="{escape(citation.date)}">{escape(citation.date)}</time>' if citation.date else ""
    parts = " · ".join(part for part in (issuer, date) if part)
    return f'<p class="meta">{parts}</p>' if parts else ""


def context_html(citation: Citation, statement: Statement | None, interface: Language) -> str:
    """Draw the statement's text around `[start, end)`, that stretch alone in `<mark>`, web leftovers dimmed."""
    if statement is None:
        return f"<mark>{isolate(citation.quote, citation.language)}</mark>"
    first, last = max(0, citation.start - CONTEXT_CHARS), min(len(statement.text), citation.end + CONTEXT_CHARS)
    inside = {e for cut in statement.cuts for e in (cut.start, cut.end) if first < e < last and not citation.start < e < citation.end}
    edges = sorted({first, citation.start, citation.end, last} | inside)
    stretches = [_stretch(statement, start, end, citation, interface) for start, end in pairwise(edges)]
    return ("… " if first else "") + "".join(stretches) + (" …" if last < len(statement.text) else "")


def _stretch(statement: Statement, start: int, end: int, citation: Citation, interface: Language) -> str:
    html = isolate(statement.text[start:end], statement.language)
    if start == citation.start:
        return f"<mark>{html}</mark>"
    if any(cut.start <= start and end <= cut.end for cut in statement.cuts):
        return f'<span class="cut" title="{escape(STRINGS[interface]["cut"])}">{html}</span>'
    return html

"""Draw the conversation as HTML: questions, answers with citation chips in the sentence, and what a reader can do with an answer.

Pure functions from records to markup: knows nothing of Gradio, sessions or the assistant. What a source says is drawn as a quotation,
what Bayan says around it as plain words, and what a language model wrote is labelled as its own.

    conversation_html([Exchange("متى؟", answer=answer)], examples=[], interface="ar")
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import takewhile
from typing import NamedTuple

from rag.errors import BayanError, FilterError, IndexBusy, IndexMismatch, IndexMissing, IndexUnusable, ModelError, QuestionError
from rag.reading.emphasis import emphasised
from rag.schema import Answer, Check, Language
from ui.html.about import promises_html
from ui.html.icons import icon
from ui.html.markup import QUOTED, element, emphasise, figures, filter_labels, isolate, message_language, said, spoken
from ui.service.conversation import Exchange
from ui.strings import STRINGS

STAGES = ("retrieve", "evidence", "generate", "verify", "total")
_MARKS = '«»“”"'
_ERROR_KEYS: dict[type[Exception], str] = {
    FilterError: "filter_error",
    QuestionError: "question_error",
    ModelError: "model_error",
    IndexMissing: "index_missing",
    **dict.fromkeys((IndexMismatch, IndexBusy, IndexUnusable), "index_error"),
}


class _Piece(NamedTuple):
    """A stretch of an answer: Bayan's own words, a title or a quote in its language, or a citation marker."""

    text: str
    titled: Language | None = None
    quoted: Language | None = None
    number: int | None = None


def conversation_html(exchanges: Sequence[Exchange], examples: Sequence[str], interface: Language, *, flags: bool = False) -> str:
    """Draw the conversation; before the first question, what Bayan is and examples to choose from.

    `flags`: an answer can be made into a test question.
    """
    turns = "".join(_exchange_html(exchange, turn, interface, flags) for turn, exchange in enumerate(exchanges))
    label = escape(STRINGS[interface]["conversation"])
    answered = said("answered", interface)
    return f'<section class="talk" aria-label="{label}" data-answered="{answered}">{turns or welcome_html(examples, interface)}</section>'


def welcome_html(examples: Sequence[str], interface: Language) -> str:
    """Draw the first screen: what Bayan does, what it never does, and questions to begin with, or how to add statements."""
    told = promises_html(interface)
    if not examples:
        steps = "".join(f"<li>{_command(said(key, interface))}</li>" for key in ("add_upload", "add_command", "add_ask"))
        title = element("h2", "", interface, said("add_head", interface))
        return f'<div class="welcome">{told}{title}{element("ol", "steps", interface, steps)}</div>'
    buttons = []
    for text in examples:
        language = message_language(text, default=interface)
        buttons.append(f"<li>{element('button', 'example', language, isolate(text, language))}</li>")
    note = element("p", "note", interface, said("examples", interface))
    return f'<div class="welcome">{told}{note}<ul class="examples">{"".join(buttons)}</ul></div>'


def _command(sentence: str) -> str:
    """Set what stands between backticks as code, left to right."""
    return re.sub(r"`([^`]+)`", r'<code dir="ltr">\1</code>', sentence)


def _exchange_html(exchange: Exchange, turn: int, interface: Language, flags: bool) -> str:
    language, words = message_language(exchange.question, default=interface), STRINGS[interface]
    question = element("h2", "question", language, spoken(words["you"]) + isolate(exchange.question, language))
    question += _asked_of(exchange, interface)
    reply = spoken(words["bayan"]) + _reply_body(exchange, turn, interface)
    tools = _tools_html(exchange, interface, flags) if exchange.answer else ""
    return f'<article class="exchange" data-turn="{turn}">{question}<div class="reply">{reply}</div>{tools}</article>'


def _asked_of(exchange: Exchange, interface: Language) -> str:
    """What the statements were narrowed to when this was asked: the answer holds for those alone."""
    if not exchange.filters:
        return ""
    labels = " · ".join(f"<bdi>{label}</bdi>" for _, _, label in filter_labels(exchange.filters, interface))
    return element("p", "note asked-of", interface, f"{said('asked_of', interface)} {labels}")


def _reply_body(exchange: Exchange, turn: int, interface: Language) -> str:
    draft = _draft(exchange.text, interface) if exchange.text else ""
    if exchange.written:
        draft += element("p", "note waiting", interface, said("writing", interface)) + _draft(exchange.written, interface)
    if exchange.problem is not None:
        return draft + _problem(exchange.problem, interface)
    if exchange.stopped:
        return draft + element("p", "note", interface, said("stopped", interface))
    if exchange.answer is not None:
        return answer_html(exchange.answer, turn, interface, differs=exchange.differs)
    return draft or element("p", "note waiting", interface, said("searching", interface))


def _draft(text: str, interface: Language) -> str:
    language = message_language(text, default=interface)
    return element("div", "draft", language, isolate(text, language))


def _problem(problem: Exception, interface: Language) -> str:
    """Say in the reader's language that the answer failed; a detail only where it helps whoever runs Bayan."""
    key = _ERROR_KEYS.get(type(problem), "failure")
    sentence = element("p", "problem", interface, said(key, interface))
    if not isinstance(problem, BayanError) or key in ("question_error", "filter_error", "index_missing"):
        return sentence
    return sentence + element("p", "problem detail", "en", isolate(str(problem)[:500], "en"))


# What a reader can do with an answer


def _tools_html(exchange: Exchange, interface: Language, flags: bool) -> str:
    thumbs = "".join(_thumb_html(thumb, exchange.thumb, interface) for thumb in ("up", "down"))
    share = f'<button class="share" data-done="{said("copied", interface)}">{icon("link")}{said("share", interface)}</button>'
    flag = f'<button class="flag">{icon("flag")}{said("flag", interface)}</button>' if flags else ""
    field = f'<label>{said("reason", interface)} <input type="text" name="reason" maxlength="500" autocomplete="off"></label>'
    reason = f'<form class="reason" hidden>{field}<button>{said("reason_send", interface)}</button></form>'
    thanks = f'<p class="note">{said("thanks", interface)}</p>' if exchange.thumb else ""
    row = f'<div class="tools">{thumbs}{share}{flag}{_timings_html(exchange, interface)}</div>'
    return element("div", "below", interface, row + reason + thanks)


def _thumb_html(thumb: str, chosen: str, interface: Language) -> str:
    label = said(f"thumb_{thumb}", interface)
    return (
        f'<button class="thumb" data-thumb="{thumb}" aria-pressed="{str(thumb == chosen).lower()}" aria-label="{label}" title="{label}">'
        f"{icon(thumb)}</button>"
    )


def _timings_html(exchange: Exchange, interface: Language) -> str:
    """How long each stage took, on demand."""
    if exchange.answer is None or not exchange.answer.timings_ms.total:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{said(f'stage_{stage}', interface)}</th><td>{said('milliseconds', interface, count=round(taken))}</td></tr>"
        for stage in STAGES
        if (taken := getattr(exchange.answer.timings_ms, stage)) or stage == "total"
    )
    total = said("took", interface, seconds=round(exchange.answer.timings_ms.total / 1000, 1))
    return f'<details class="timings"><summary>{total}</summary><table>{rows}</table></details>'


# Answers


def answer_html(answer: Answer, turn: int, interface: Language, *, differs: bool = False) -> str:
    """Draw a complete answer: Bayan's own sentences as paragraphs, the source's as quotes, markers as chips that open the statement.

    `differs`: its statements answer differently; their quotes then stand side by side.
    """
    paragraphs = [
        [_block_html(block, answer, turn, interface) for block in _blocks(paragraph)] for paragraph in _paragraphs(_pieces(answer))
    ]
    if differs:
        paragraphs = _side_by_side(paragraphs)
    status = f"answer {answer.status.replace('_', '-')} by-{answer.mode}"
    label = said("worded", interface, model=answer.model or "") if answer.mode == "llm" else ""
    by = element("p", "by", interface, label) if label else ""
    return element("div", status, answer.language, by + "".join(map("".join, paragraphs)) + _after(answer, turn, interface))


def _side_by_side(paragraphs: list[list[str]]) -> list[list[str]]:
    """Put the quotes, each with who said it and when, beside one another."""
    quotes = [at for at, blocks in enumerate(paragraphs) if len(blocks) > 1 and blocks[0].startswith("<blockquote")]
    if len(quotes) < 2:
        return paragraphs
    sides = "".join(f"<div>{''.join(paragraphs[at])}</div>" for at in quotes)
    rest = [blocks for at, blocks in enumerate(paragraphs) if at >= quotes[0] and at not in quotes]
    return [*paragraphs[: quotes[0]], [f'<div class="differing">{sides}</div>'], *rest]


def _after(answer: Answer, turn: int, interface: Language) -> str:
    if answer.status == "not_found" and answer.nearest:
        link = f'<a class="to-nearest" href="#evidence-{turn}-{answer.nearest[0].number}">{said("nearest_link", interface)}</a>'
        return element("p", "note", interface, link)
    doubtful = [check.text for check in answer.checks if not check.supported]
    items = "، ".join(doubtful) if answer.language == "ar" else ", ".join(doubtful)
    warning = f"{icon('warning')}{said('unsupported', interface)} {element('bdi', '', answer.language, isolate(items, answer.language))}"
    return element("p", "doubt", interface, warning, ' role="note"') if doubtful else ""


def _pieces(answer: Answer) -> Iterator[_Piece]:
    languages = {" ".join(citation.quote.split()): citation.language for citation in answer.citations}
    done = 0
    for match in _mark_pattern(languages, [citation.title for citation in answer.citations]).finditer(answer.answer):
        marked = _marked(match, answer, languages)
        if marked is not None:
            yield _Piece(answer.answer[done : match.start()])
            yield marked
            done = match.end()
    yield _Piece(answer.answer[done:])


def _mark_pattern(quotes: Iterable[str], titles: Iterable[str]) -> re.Pattern[str]:
    """Match a whole cited quote with its quotation marks, else a whole title in them, else anything in them, else a marker."""
    alternatives = [rf"[«“\"]?(?:{_any_of(quotes)})[»”\"]?"] if any(quotes) else []
    alternatives += [rf"[«“\"](?:{_any_of(titles)})[»”\"]"] if any(titles) else []  # it may hold quotation marks of its own
    return re.compile("|".join([*alternatives, QUOTED.pattern, r"\[(?P<number>\d+)\]"]))


def _any_of(texts: Iterable[str]) -> str:
    """A pattern of texts, however their words are spaced."""
    return "|".join(r"\s+".join(map(re.escape, text.split())) for text in sorted(texts, key=len, reverse=True) if text.strip())


def _marked(match: re.Match[str], answer: Answer, languages: Mapping[str, Language]) -> _Piece | None:
    if match["number"]:
        known = any(citation.number == int(match["number"]) for citation in answer.citations)
        return _Piece(match[0], number=int(match["number"])) if known else None
    words = " ".join(match[0].strip(_MARKS).split())
    titles = {" ".join(citation.title.split()): citation.language for citation in answer.citations}
    inside = " ".join(match[0][1:-1].split())
    if inside in titles and words not in languages and match[0][0] in _MARKS:
        return _Piece(match[0], titled=titles[inside])
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
    inner = "".join(_piece_html(piece, language, answer, turn, interface) for piece in pieces)
    return element("p" if own else "blockquote", "own" if own else "source-words", language, inner)


def _piece_html(piece: _Piece, language: Language, answer: Answer, turn: int, interface: Language) -> str:
    if piece.number is not None:
        return chip_html(piece.number, turn, interface)
    if piece.titled:
        title = element("bdi", "cited-title", piece.titled, isolate(piece.text[1:-1], piece.titled))
        return escape(piece.text[0]) + title + escape(piece.text[-1])
    if piece.quoted:
        return element("span", "quote", piece.quoted, emphasise(piece.text, emphasised(answer.question, piece.text), piece.quoted))
    return _checked_html(piece.text, language, answer.checks, interface)


def chip_html(number: int, turn: int, interface: Language) -> str:
    """Draw a citation marker: it shows its quote, and opens the statement at the quote."""
    label = said("chip", interface, number=number)
    link = f'href="#evidence-{turn}-{number}" data-open="c:{turn}:{number}"'
    return f'<a class="chip" dir="ltr" {link} aria-label="{label}">[{figures(number, interface)}]</a>'


def _checked_html(text: str, language: Language, checks: Sequence[Check], interface: Language) -> str:
    """Bayan's or a model's own words, the figures among them marked as borne out by the quotes or not."""
    marks = {check.text: check.supported for check in checks if check.kind in ("number", "date", "name") and check.text.strip()}
    if not marks:
        return isolate(text, language)
    html, done = [], 0
    for found in re.finditer("|".join(rf"(?<!\w){re.escape(mark)}(?!\w)" for mark in sorted(marks, key=len, reverse=True)), text):
        html += [
            isolate(text[done : found.start()], language),
            _figure_html(found[0], marks[found[0]], text[found.end() :], language, interface),
        ]
        done = found.end()
    return "".join(html) + isolate(text[done:], language)


def _figure_html(text: str, supported: bool, rest: str, language: Language, interface: Language) -> str:
    kind = "verified" if supported else "unverified"
    sign = icon("check") if supported else "" if rest.lstrip().startswith("⚠") else icon("warning")
    told = said(kind, interface)
    return f'<span class="{kind}" title="{told}">{isolate(text, language)}{sign}{spoken(f" ({STRINGS[interface][kind]})")}</span>'

"""An answer's sentences and the citations that each is tied to, by markers such as [1], [١] and [1, 2].

A marker belongs to the sentence before it, or, where it begins a line, to the one after. A sentence without one is tied to those of the
next sentence of its line; one that ends with a colon and has none, to all of the answer's. Knows nothing of what makes a sentence right.

    [(claim.said, claim.numbers) for claim in claims("27 were hurt [1].", citations)]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.language import sentences
from rag.schema import Citation, Span

_MARKER = re.compile(r"\[\s*(\d{1,2}(?:\s*[,،]\s*\d{1,2})*)\s*\]")  # \d and int() know Arabic digits
_OPENERS, _CLOSERS = "«“", "»”"
_STRAIGHT = re.compile(r'"[^"\n]+"')


@dataclass(frozen=True)
class Claim:
    """A sentence of an answer. `said` is its text, markers blanked out; `numbers` those of the citations it is tied to."""

    span: Span
    said: str
    numbers: tuple[int, ...]
    markers: tuple[tuple[Span, int], ...]
    introduces: bool  # ends with a colon


def claims(text: str, citations: Sequence[Citation]) -> list[Claim]:
    """Divide an answer into sentences, none ending inside a quotation, each with the citations it is tied to."""
    quoted = quotations(text, citations)
    markers = [
        (Span(match.start(), match.end()), int(number))
        for match in _MARKER.finditer(text)
        if not any(span.start < match.start() < span.end for span in quoted)
        for number in re.split(r"\s*[,،]\s*", match[1])
    ]
    said = text
    for span, _ in markers:
        said = said[: span.start] + " " * (span.end - span.start) + said[span.end :]
    spans = _joined(said, sentences(said, max_chars=len(text) + 1), quoted)
    owners = [(_owner(spans, text, marker.start), marker, number) for marker, number in markers]
    own = [tuple((marker, number) for owner, marker, number in owners if owner == at) for at in range(len(spans))]
    return [_claim(text, said, spans, own, at) for at in range(len(spans))]


def plain_markers(text: str, citations: Sequence[Citation]) -> str:
    """Return an answer with its markers in the one form that readers are shown: [1] [2] for [1, 2] and [١، ٢]."""
    quoted = quotations(text, citations)

    def plain(match: re.Match[str]) -> str:
        if any(span.start < match.start() < span.end for span in quoted):
            return match[0]
        return " ".join(f"[{int(number)}]" for number in re.split(r"\s*[,،]\s*", match[1]))

    return _MARKER.sub(plain, text)


def quotations(text: str, citations: Sequence[Citation]) -> list[Span]:
    """Return the outermost stretches in quotation marks, and those that are whole quotes, in order."""
    whole = [Span(match.start(), match.end()) for c in citations if c.quote for match in re.finditer(re.escape(c.quote), text)]
    found = [span for span in whole if not any(other != span and other.start <= span.start and span.end <= other.end for other in whole)]
    depth, start = 0, 0
    for at, char in enumerate(text):
        if any(span.start <= at < span.end for span in found):
            continue
        if char in _OPENERS:
            start = start if depth else at
            depth += 1
        elif char in _CLOSERS and depth:
            depth -= 1
            if not depth:
                found.append(Span(start, at + 1))
    found += [Span(match.start(), match.end()) for match in _STRAIGHT.finditer(text)]
    outer = [one for one in found if not any(o != one and o.start <= one.start and one.end <= o.end for o in found)]
    return sorted(dict.fromkeys(outer), key=lambda span: span.start)


def _joined(said: str, parts: Sequence[Span], quoted: Sequence[Span]) -> list[Span]:
    """The sentences, joined where a quotation goes on or a dash says whose it is."""
    joined: list[Span] = []
    for part in parts:
        goes_on = joined and any(span.start < part.start < span.end and span.start < joined[-1].end for span in quoted)
        attributes = joined and said[part.start] in "—–" and "\n" not in said[joined[-1].end : part.start]
        if goes_on or attributes:
            joined[-1] = Span(joined[-1].start, part.end)
        else:
            joined.append(part)
    return joined


def _owner(spans: Sequence[Span], text: str, marker: int) -> int:
    """The sentence that a marker belongs to: the one before it, or, where a line begins with it, the one after."""
    before = [at for at, span in enumerate(spans) if span.start < marker]
    line = text.rfind("\n", 0, marker) + 1
    begins_line = not any(char.isalnum() for char in text[line:marker])
    return len(before) if (begins_line and len(before) < len(spans)) or not before else before[-1]


def _claim(text: str, said: str, spans: Sequence[Span], own: Sequence[tuple[tuple[Span, int], ...]], at: int) -> Claim:
    span, tied = spans[at], own[at]
    introduces = text[span.start : span.end].rstrip().endswith(":")
    for later in range(at + 1, len(spans)):
        if tied or introduces or "\n" in text[span.end : spans[later].start]:
            break
        tied = own[later]
    every = dict.fromkeys(number for markers in own for _, number in markers)
    numbers_tied = every if introduces and not tied else dict.fromkeys(number for _, number in tied)
    return Claim(span, said[span.start : span.end], tuple(numbers_tied), own[at], introduces)

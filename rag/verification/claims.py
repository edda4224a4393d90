"""An answer's sentences and the citations that each is tied to, by markers such as [1], [١] and [1, 2].

A marker belongs to the sentence before it, or, where it begins a line, to the one after. A sentence without one is tied to those of the
next sentence of its line; one that ends with a colon and has none, to all of the answer's. Knows nothing of what makes a sentence right.

    [(claim.said, claim.numbers) for claim in claims("27 were hurt [1].", citations)]
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.language import sentences
from rag.language.taken import Taken
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
    inside = _inside(text, quoted)
    markers = [
        (Span(match.start(), match.end()), int(number))
        for match in _MARKER.finditer(text)
        if match.start() not in inside
        for number in re.split(r"\s*[,،]\s*", match[1])
    ]
    letters = list(text)
    for span, _ in markers:
        letters[span.start : span.end] = " " * (span.end - span.start)
    said = "".join(letters)
    spans = _joined(said, sentences(said, max_chars=len(text) + 1), quoted)
    own: list[list[tuple[Span, int]]] = [[] for _ in spans]
    for marker, number in markers if spans else ():
        own[_owner(spans, text, marker.start)].append((marker, number))
    return [*reversed(list(_claims(text, said, spans, own)))]


def plain_markers(text: str, citations: Sequence[Citation]) -> str:
    """Return an answer with its markers in the one form that readers are shown: [1] [2] for [1, 2] and [١، ٢]."""
    inside = _inside(text, quotations(text, citations))

    def plain(match: re.Match[str]) -> str:
        if match.start() in inside:
            return match[0]
        return " ".join(f"[{int(number)}]" for number in re.split(r"\s*[,،]\s*", match[1]))

    return _MARKER.sub(plain, text)


def quotations(text: str, citations: Sequence[Citation]) -> list[Span]:
    """Return the outermost stretches in quotation marks, and those that are whole quotes, in order."""
    found = _outermost(Span(match.start(), match.end()) for c in citations if c.quote for match in re.finditer(re.escape(c.quote), text))
    whole, depth, start = Taken(len(text), found), 0, 0
    for at, char in enumerate(text):
        if at in whole:
            continue
        if char in _OPENERS:
            start = start if depth else at
            depth += 1
        elif char in _CLOSERS and depth:
            depth -= 1
            if not depth:
                found.append(Span(start, at + 1))
    found += [Span(match.start(), match.end()) for match in _STRAIGHT.finditer(text)]
    return _outermost(found)


def _outermost(spans: Iterable[Span]) -> list[Span]:
    """Those that lie in no other, in order."""
    outer: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not outer or span.end > outer[-1].end:
            outer.append(span)
    return outer


def _inside(text: str, quoted: Sequence[Span]) -> Taken:
    """The places inside quotations, their first characters left out."""
    return Taken(len(text), (Span(span.start + 1, span.end) for span in quoted))


def _joined(said: str, parts: Sequence[Span], quoted: Sequence[Span]) -> list[Span]:
    """The sentences, joined where a quotation goes on or a dash says whose it is."""
    joined: list[Span] = []
    for part in parts:
        begun = bisect_left(quoted, min(part.start, joined[-1].end), key=lambda span: span.start) if joined else 0
        goes_on = begun and part.start < quoted[begun - 1].end  # of quotations, none in another, the last to begin is the last to end
        attributes = joined and said[part.start] in "—–" and "\n" not in said[joined[-1].end : part.start]
        if goes_on or attributes:
            joined[-1] = Span(joined[-1].start, part.end)
        else:
            joined.append(part)
    return joined


def _owner(spans: Sequence[Span], text: str, marker: int) -> int:
    """The sentence that a marker belongs to: the one before it, or, where a line begins with it, the one after."""
    before = bisect_left(spans, marker, key=lambda span: span.start)
    line = text.rfind("\n", 0, marker) + 1
    begins_line = not any(char.isalnum() for char in text[line:marker])
    return before if (begins_line and before < len(spans)) or not before else before - 1


def _claims(text: str, said: str, spans: Sequence[Span], own: Sequence[Sequence[tuple[Span, int]]]) -> Iterator[Claim]:
    """The claims from the last to the first: a sentence without markers has those of the next one on its line."""
    every = dict.fromkeys(number for markers in own for _, number in markers)
    following: Sequence[tuple[Span, int]] = ()
    begins = len(text)  # of the next sentence
    for span, markers in zip(reversed(spans), reversed(own), strict=True):
        introduces = text[span.start : span.end].rstrip().endswith(":")
        tied = markers or (() if introduces or "\n" in text[span.end : begins] else following)
        numbers_tied = every if introduces and not tied else dict.fromkeys(number for _, number in tied)
        yield Claim(span, said[span.start : span.end], tuple(numbers_tied), tuple(markers), introduces)
        following = markers or (() if "\n" in text[span.start : begins] else following)
        begins = span.start

"""The records that travel between the parts of Bayan, and out of it as JSON.

Knows nothing of storage, models or interfaces. The JSON of `bayan … --json` is these dataclasses field by field:

    >>> to_json(Quote(text="مئة وواحد وعشرين", start=95, end=111))
    {'text': 'مئة وواحد وعشرين', 'start': 95, 'end': 111}

Offsets count Unicode code points of `Statement.text`, the original text, which is never altered:
`statement.text[start:end]` is always the quoted text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

Language = Literal["ar", "en"]
Status = Literal["answered", "not_found"]
Mode = Literal["quote", "llm"]
CheckKind = Literal["number", "date", "name", "quote", "polarity", "citation"]


@dataclass(frozen=True)
class Span:
    """A stretch `[start, end)` of a text, in code points."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Cut:
    """A stretch of a statement left out of its passages (web leftovers, front matter), and why."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Heading:
    """A line of a statement that stands over the section below it, which reaches to the next of its `level` (1 the outermost) or above."""

    start: int
    end: int
    level: int


@dataclass(frozen=True)
class Statement:
    """A source document. `text` is what was read, unaltered; `revision` is the digest of text and metadata."""

    statement_id: str
    revision: str
    text: str
    title: str
    issuer: str | None
    date: str | None  # ISO, YYYY-MM-DD
    source: str  # where it was published or, when that is not known, the path or address it was read from
    language: Language
    cuts: tuple[Cut, ...] = ()
    pages: tuple[int, ...] = ()  # where each page begins in the text, if it has pages
    origins: Mapping[str, str] = field(default_factory=dict, hash=False)  # title, issuer, date, language, source, headings → from where
    place: str | None = None  # the path or address it was read from, when `source` names where it was published
    also_at: tuple[str, ...] = ()  # where else the same statement was read
    headings: tuple[Heading, ...] = ()  # in the order of the text
    # Lines of its page that were taken for no part of it, in their order, a last one "…" if there are more; in no passage. They make no
    # other statement: a page's menus and related links change every day.
    left_out: tuple[str, ...] = field(default=(), compare=False)

    def page(self, offset: int) -> int | None:
        """Return the number of the page, from 1, on which a character stands."""
        return bisect_right(self.pages, offset) or None

    def section(self, offset: int) -> tuple[str, ...]:
        """Return the headings of the section in which a character stands, the outermost first."""
        above: list[Heading] = []
        for heading in self.headings:
            if heading.start > offset:
                break
            above = [*(outer for outer in above if outer.level < heading.level), heading]
        return tuple(self.text[heading.start : heading.end] for heading in above)

    @property
    def read_from(self) -> str:
        return self.place or self.source


@dataclass(frozen=True)
class Passage:
    """An indexed piece of a statement; `sentences` are offsets into the statement's text, inside [start, end)."""

    passage_id: str
    statement_id: str
    revision: str
    language: Language
    text: str
    start: int
    end: int
    sentences: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Copy:
    """Where else a passage stands, in nearly the same words and with the same figures."""

    statement_id: str
    passage_id: str
    title: str
    issuer: str | None
    date: str | None
    source: str


@dataclass(frozen=True)
class Hit:
    """A passage found by a search. `score` is comparable within one result list only."""

    rank: int  # from 1
    score: float
    statement_id: str
    passage_id: str
    title: str
    issuer: str | None
    date: str | None
    language: Language
    source: str
    text: str
    start: int
    end: int
    copies: tuple[Copy, ...] = ()  # found too, and shown in this one
    section: tuple[str, ...] = ()  # the headings under which it begins, the outermost first


@dataclass(frozen=True)
class Filters:
    """What a search is narrowed to. Kinds narrow together, values of one kind widen each other; nothing given narrows nothing."""

    issuers: tuple[str, ...] = ()  # letter case and Arabic spelling variants make no difference
    date_from: str | None = None  # ISO, inclusive; a month (2031-05) or a year stands for its first day
    date_to: str | None = None  # ISO, inclusive; a month or a year stands for its last day
    languages: tuple[Language, ...] = ()  # of the passages
    sources: tuple[str, ...] = ()  # the path or address of a statement, a folder or site above it, or its file's or folder's name
    statement_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facets:
    """How many statements there are, in all and by each value, most first. Every value of `issuers` and `sources` can be filtered by."""

    statements: int
    issuers: Mapping[str, int]
    languages: Mapping[str, int]  # the statements' own
    sources: Mapping[str, int]  # by site or folder
    years: Mapping[str, int]  # in order; a statement without a date is in none


@dataclass(frozen=True)
class Quote:
    """Verbatim text of a statement with its offsets."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Citation:
    """A numbered quote and the statement it stands in: `quote == statement.text[start:end]`."""

    number: int  # from 1
    statement_id: str
    title: str
    issuer: str | None
    date: str | None
    source: str
    language: Language
    quote: str
    start: int
    end: int
    score: float
    section: tuple[str, ...] = ()  # the headings under which the quote begins, the outermost first


@dataclass(frozen=True)
class Check:
    """One verifiable detail of an answer and whether the cited quotes support it.

    `polarity`: a clause that denies what the quotes state, or the reverse; `citation`: a marker of no quote, or a sentence without one.
    """

    kind: CheckKind
    text: str
    supported: bool
    citation: int | None


@dataclass(frozen=True)
class Timings:
    """Milliseconds spent in each stage of an answer."""

    retrieve: float = 0.0
    evidence: float = 0.0
    generate: float = 0.0
    verify: float = 0.0
    total: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What `Assistant.ask` returns and `bayan ask --json` prints."""

    question: str
    language: Language
    status: Status
    mode: Mode
    model: str | None
    answer: str  # what the reader sees, with [1] markers
    citations: tuple[Citation, ...] = ()
    checks: tuple[Check, ...] = ()
    nearest: tuple[Citation, ...] = ()  # when not_found: offered, not asserted
    timings_ms: Timings = field(default_factory=Timings)


DifferenceKind = Literal["number", "date", "polarity", "wording"]


@dataclass(frozen=True)
class Difference:
    """What one statement says and, in its place, another or an earlier version; either may be empty."""

    kind: DifferenceKind
    text: str
    other: str


@dataclass(frozen=True)
class Related:
    """A statement that nearly repeats another, and what differs. `likeness`: the share of their wording in common, 0 to 1."""

    statement_id: str
    title: str
    issuer: str | None
    date: str | None
    source: str
    likeness: float
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Version:
    """An earlier text of a statement, and what it said in place of the text that took its place `until` (ISO, UTC)."""

    until: str
    statement: Statement
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Account:
    """All that the index knows of a statement, as `bayan statements ID --json` prints it."""

    statement: Statement
    versions: tuple[Version, ...]  # earlier texts, newest first
    related: tuple[Related, ...]  # nearly the same, the likest first


@dataclass(frozen=True)
class Problem:
    """A source that was refused, or taken with reservations, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class IngestReport:
    """What one ingest run changed. Counts are statements, except `passages`, those written in this run, and `left_out`: lines of the
    pages among what was added or updated that were taken for no part of a statement."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    passages: int = 0
    rejected: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    seconds: float = 0.0
    left_out: int = 0


# Events of Assistant.stream(), in the order they come.


@dataclass(frozen=True)
class Retrieved:
    """The search is done; `hits` are the passages found."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Delta:
    """The next piece of text, by the quotes' frame or by the language model, whose words are not checked before `Completed`."""

    text: str
    by: Literal["quote", "model"] = "quote"


@dataclass(frozen=True)
class Completed:
    """The whole answer; always the last event. `confidence`: how likely its quotes answer, 0 to 1, whatever was decided."""

    answer: Answer
    confidence: float | None = None


Event = Retrieved | Delta | Completed


def to_json(record: Any) -> Any:
    """Turn a record of this module, or a container of them, into JSON-ready values, field by field."""
    if is_dataclass(record) and not isinstance(record, type):
        return {f.name: to_json(getattr(record, f.name)) for f in fields(record)}
    if isinstance(record, Mapping):
        return {key: to_json(value) for key, value in record.items()}
    if isinstance(record, (list, tuple, Iterator)):
        return [to_json(item) for item in record]
    return record

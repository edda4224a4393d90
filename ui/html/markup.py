"""The grains of the window's markup: text escaped and set in its direction, figures and dates as the interface's language writes them.

Knows nothing of answers or of Gradio. Every piece of text from a document or a reader is escaped here, once, in `isolate`; Markdown is
never interpreted. Direction is set from the language of the text, and runs of the other script stand in a `<bdi>` of their own, so that
a Latin name or a number cannot reorder an Arabic sentence.

    >>> isolate("بلغ العدد 121", "ar")
    'بلغ العدد <bdi class="figures" dir="ltr">121</bdi>'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from rag.controls import harmless
from rag.language.calendar_words import month_names
from rag.language.detect import language_of
from rag.schema import Filters, Language, Span
from ui.strings import LANGUAGE_NAMES, STRINGS

DIRECTIONS: dict[Language, str] = {"ar": "rtl", "en": "ltr"}

# Arabic letters, marks and digits, without the punctuation Arabic shares with other scripts.
_ARABIC = (
    r"\u0610-\u061a\u0620-\u065f\u066e-\u06d3\u06d5-\u06ff\u0660-\u0669"
    r"\u0750-\u077f\u08a0-\u08ff\ufb50-\ufd3d\ufd50-\ufdff\ufe70-\ufefc"
)
_LATIN = r"A-Za-z\u00c0-\u024f\u1e00-\u1eff"
# A comma joins Latin words alone: in "UNHCR, 121" the number belongs to the Arabic around.
_LATIN_RUN = rf"[{_LATIN}][{_LATIN}0-9]*(?:(?:[ .'’&/@:?=#%+_-]{{1,3}}|[,;!] ?(?=[{_LATIN}]))[{_LATIN}0-9]+)*"
_ISO_DATE = r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])"  # in English for its hyphens alone, at which a line would break
_NUMBER_RUN = rf"{_ISO_DATE}|(?:(?<!\S)[+-])?[0-9]+(?:[.,:/][0-9]+)*%?"
_FOREIGN: dict[Language, re.Pattern[str]] = {
    "ar": re.compile(rf"{_LATIN_RUN}|{_NUMBER_RUN}"),
    "en": re.compile(rf"[{_ARABIC}]+(?:[ ،؛:.«»0-9-]{{1,12}}[{_ARABIC}]+)*|{_ISO_DATE}"),
}
QUOTED = re.compile(r"«[^«»]+»|“[^“”]+”|\"[^\"\n]+\"")
_TURNING = re.compile("[\u202d\u202e]")
_OTHER: dict[Language, Language] = {"ar": "en", "en": "ar"}


def message_language(text: str, *, default: Language) -> Language:
    """Tell the language of a message from its own words; words in quotation marks (a title) count only if there are no others."""
    for words in (QUOTED.sub(" ", text), text):
        if re.search(r"[^\W\d_]", words):
            return language_of(words)
    return default


def isolate(text: str, language: Language) -> str:
    """Escape text of a language for HTML, with each run of the other script, each date, and in Arabic each number, in a `<bdi>`."""
    html, done = [], 0
    for run in _FOREIGN[language].finditer(text):
        html += [_escaped(text[done : run.start()]), _isolated(run[0], _OTHER[language])]
        done = run.end()
    return "".join(html) + _escaped(text[done:])


def emphasise(text: str, spans: Sequence[Span], language: Language) -> str:
    """`isolate` with stretches in bold; a run of the other script is in bold as a whole, since its halves would change places."""
    runs = [run.span() for run in _FOREIGN[language].finditer(text)]
    html, done = [], 0
    for span in spans:
        cut = [run for run in runs if run[0] < span.end and span.start < run[1]]
        start, end = min([span.start, *(run[0] for run in cut)]), max([span.end, *(run[1] for run in cut)])
        if start >= done:
            html += [isolate(text[done:start], language), f'<strong class="bears">{isolate(text[start:end], language)}</strong>']
            done = end
    return "".join(html) + isolate(text[done:], language)


def _escaped(text: str) -> str:
    """Text whose own direction marks have no say: those that turn letters round are shown as a sign, the others left out."""
    return harmless(_TURNING.sub('<span class="control">\ufffd</span>', escape(text)))


def _isolated(run: str, language: Language) -> str:
    if re.fullmatch(_NUMBER_RUN, run):
        return f'<bdi class="figures" dir="ltr">{run}</bdi>'
    return f'<bdi dir="{DIRECTIONS[language]}">{isolate(run, language)}</bdi>'


def element(tag: str, classes: str, language: Language, inner: str, attributes: str = "") -> str:
    """An element in the direction of its language; `inner` and `attributes` are markup."""
    return f'<{tag} class="{classes}" dir="{DIRECTIONS[language]}" lang="{language}"{attributes}>{inner}</{tag}>'


def spoken(text: str) -> str:
    """Text for screen readers alone."""
    return f'<span class="spoken">{escape(harmless(text))} </span>'


def said(key: str, interface: Language, **values: object) -> str:
    """A sentence of the interface, escaped; figures in it as the language writes them."""
    return escape(STRINGS[interface][key].format(**{name: figures(value, interface) for name, value in values.items()}))


_ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def figures(value: object, interface: Language) -> str:
    """A number as the interface writes it; any other text stays as it is.

    >>> figures(12, "ar")
    '١٢'
    """
    if not isinstance(value, int | float):
        return str(value)
    written = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return written.translate(_ARABIC_DIGITS).replace(",", "٬").replace(".", "٫") if interface == "ar" else written


def date_html(date: str, interface: Language) -> str:
    """Draw an ISO date as the interface's language writes it.

    >>> date_html("2024-03-16", "en")
    '<time dir="ltr" lang="en" datetime="2024-03-16">16 March 2024</time>'
    """
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", date)
    shown = date
    if found and 1 <= int(found[2]) <= 12:
        shown = f"{int(found[3])} {month_names(interface, 'gregorian')[int(found[2]) - 1]} {found[1]}"
        shown = shown.translate(_ARABIC_DIGITS) if interface == "ar" else shown
    return f'<time dir="{DIRECTIONS[interface]}" lang="{interface}" datetime="{escape(date)}">{escape(shown)}</time>'


def filter_labels(filters: Filters, interface: Language) -> list[tuple[str, str, str]]:
    """Return each thing that a search is narrowed to: its kind, its value and what it says, as markup."""
    dates = (("from", filters.date_from, "narrow_since"), ("to", filters.date_to, "narrow_until"))
    return [
        *(("language", code, element("span", "", code, escape(LANGUAGE_NAMES[code]))) for code in filters.languages),
        *((end, date, said(key, interface, date="\0").replace("\0", date_html(date, interface))) for end, date, key in dates if date),
        *(("issuer", name, isolate(name, message_language(name, default=interface))) for name in filters.issuers),
    ]

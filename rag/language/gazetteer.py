"""Names that no rule of spelling gives in the other language, and how to give one in the reader's script.

`resources/gazetteer.tsv`: English forms, Arabic forms, kind, source. Countries are taken from CLDR by `python -m evals.learning.gazetteer`;
what is reviewed by hand stands there with that source. Knows nothing of search.

    >>> rendered("وقسد", "en"), rendered("Daesh", "ar"), rendered("Tollard", "ar")
    ('Syrian Democratic Forces', 'داعش', None)
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from rag.language.fold import fold
from rag.language.resources import entries

_CLITICS = ("", "و", "ف", "ب", "ل", "ك", "وب", "ول", "فب", "فل")
_ARTICLE, _WITH_ARTICLE = "ال", "لل"


def listed_names(*, kind: str | None = None) -> tuple[str, ...]:
    """Return the forms of every name, or of those of a kind: English ones, tab, Arabic ones, as in `lexicon.tsv`."""
    lines = (line.split("\t") for line in entries("gazetteer.tsv"))
    return tuple(f"{english}\t{arabic}" for english, arabic, of_kind, _ in lines if kind in (None, of_kind))


def rendered(name: str, language: Literal["ar", "en"]) -> str | None:
    """Return a listed name as texts in `language` write it, None when it is not listed; an Arabic one may have clitics."""
    found = (_rendered(language).get(form) for form in _bare(" ".join(fold(name).split())))
    return next((form for form in found if form), None)


def _bare(folded: str) -> list[str]:
    if folded.isascii():
        return [folded, folded.removeprefix("the ")]
    rests = [folded.removeprefix(clitic) for clitic in _CLITICS if folded.startswith(clitic)]
    articles = [_ARTICLE + rest.removeprefix(_WITH_ARTICLE) for rest in (folded, folded[1:]) if rest.startswith(_WITH_ARTICLE)]
    return [*rests, *articles, *(form.removeprefix(_ARTICLE) for form in articles)]


@cache
def _rendered(language: Literal["ar", "en"]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in listed_names():
        english, arabic = ([form.strip() for form in part.split("|")] for part in line.split("\t"))
        for form in (*english, *arabic):
            found.setdefault(fold(form), (arabic if language == "ar" else english)[0])
    return found

"""Arabic and English text: folding, words, stems, sentences, numbers, dates, language.

Ingest and query use the same functions, so that what was indexed is what is searched. Knows nothing of models, storage or answers.
The original text is never altered; folded forms serve matching only.

    >>> fold("الحَسَكَةُ") == fold("الحسكة")
    True
"""

from rag.language.amounts import Amount, amounts
from rag.language.dates import Date, date_within, dates, gregorian_days, same_date
from rag.language.detect import foreign_language, language_of
from rag.language.fold import fold
from rag.language.numbers import Number, number_terms, numbers, same_number
from rag.language.sentences import sentences
from rag.language.terms import Terms, analyse, content_words, stem, words

TEXT_VERSION = 6
"""Raised whenever the same text would give other terms, sentences or passages: indexes made before are then rebuilt."""

__all__ = [
    "TEXT_VERSION",
    "Amount",
    "Date",
    "Number",
    "Terms",
    "amounts",
    "analyse",
    "content_words",
    "date_within",
    "dates",
    "fold",
    "foreign_language",
    "gregorian_days",
    "language_of",
    "number_terms",
    "numbers",
    "same_date",
    "same_number",
    "sentences",
    "stem",
    "words",
]

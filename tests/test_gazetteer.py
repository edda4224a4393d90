"""The gazetteer is clean, and its names are found, checked and given in either language."""

from __future__ import annotations

import re

import pytest

from rag.language import analyse, fold
from rag.language.gazetteer import rendered
from rag.language.lexicon import question_terms
from rag.language.mentions import mentions, wording
from rag.language.resources import entries

LINES = [line.split("\t") for line in entries("gazetteer.tsv")]
KINDS = {"country", "place", "nationality", "organisation", "office", "person title"}
AMBIGUOUS = {"who", "it", "us", "is", "aa", "pa"}  # words of English


def forms(part: str) -> list[str]:
    return [form.strip() for form in part.split("|")]


def test_every_line_has_both_languages_a_kind_and_a_source() -> None:
    assert len(LINES) > 450
    assert all(len(line) == 4 and all(line) for line in LINES)
    assert {kind for _, _, kind, _ in LINES} == KINDS and {source for *_, source in LINES} == {"CLDR", "review"}


def test_no_form_is_listed_twice_or_ambiguous_or_of_presentation_letters() -> None:
    written = [form for english, arabic, *_ in LINES for form in (*forms(english), *forms(arabic))]
    assert len({fold(form) for form in written}) == len(written)
    assert not AMBIGUOUS & {fold(form) for form in written}
    assert all(form[0].isupper() for english, *_ in LINES for form in forms(english))
    assert all(re.fullmatch("[\u0621-\u063a\u0641-\u0652 -]+", form) for _, arabic, *_ in LINES for form in forms(arabic))


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [
        ("وقسد", "en", "Syrian Democratic Forces"),
        ("SDF", "ar", "قوات سوريا الديمقراطية"),
        ("Daesh", "ar", "داعش"),
        ("ISIL", "ar", "داعش"),
        ("بالحسكة", "en", "Hasakah"),
        ("للأمم المتحدة", "en", "United Nations"),
        ("the UN", "ar", "الأمم المتحدة"),
        ("سورية", "en", "Syria"),
        ("Turkey", "ar", "تركيا"),
        ("فرنسا", "en", "France"),
        ("Tollard", "ar", None),
        ("", "ar", None),
    ],
)
def test_a_listed_name_is_given_in_the_readers_script(name: str, language: str, expected: str | None) -> None:
    assert rendered(name, language) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "language", "text"),
    [
        ("What did the SDF say?", "ar", "أعلنت قسد"),
        ("What did the SDF say?", "ar", "أعلنت قوات سوريا الديمقراطية"),
        ("ماذا قالت قسد؟", "en", "the Syrian Democratic Forces"),
        ("Who joined ISIL?", "ar", "تنظيم داعش"),
        ("ماذا طلبت مفوضية اللاجئين؟", "en", "UNHCR asked"),
        ("What did HRW report?", "ar", "منظمة هيومن رايتس ووتش"),
        ("ماذا قالت قسد؟", "ar", "أعلنت قوات سوريا الديمقراطية"),
        ("What did the SDF say?", "en", "the Syrian Democratic Forces"),
    ],
)
def test_a_listed_name_is_searched_by_whatever_it_is_called(question: str, language: str, text: str) -> None:
    stems = set(analyse(text).stems)
    assert any(term.found_in(stems) for term in question_terms(question, language) if term.stem not in ("say", "قال"))  # type: ignore[arg-type]


def test_a_country_is_not_searched_by_words_that_share_the_stem_of_its_adjective() -> None:
    assert not any(term.found_in(set(analyse("ترك الرجل بيته").stems)) for term in question_terms("ما موقف تركيا؟", "ar"))


def test_a_listed_name_stands_in_a_quote_that_gives_it_in_the_other_language() -> None:
    [name] = [mention for mention in mentions("It was said by the SDF today") if mention.text == "SDF"]
    assert name.stands_in(wording("أعلنت قوات سوريا الديمقراطية"))
    assert not name.stands_in(wording("أعلنت وزارة الخارجية"))

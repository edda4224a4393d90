"""Numbers and dates in Arabic and English text: what is read, its value, and the exact characters that write it."""

from __future__ import annotations

import random
from datetime import date as Day
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language import Date, amounts, analyse, date_within, dates, hijri, number_terms, numbers, same_date, same_number
from rag.language.dates import gregorian_days, in_words
from rag.language.numbers import in_digits

# Text, then each number as "what is written = value"; % a percentage, . an ordinal, / a fraction, ~ the dual of a noun.
ARABIC = """
مئة وواحد وعشرون شهيداً | مئة وواحد وعشرون=121
مائة وواحد وعشرين | مائة وواحد وعشرين=121
تضحية مئةٍ وواحدٍ وعشرين شهيداً | مئةٍ وواحدٍ وعشرين=121
المئة والواحد والعشرون | المئة والواحد والعشرون=121
اثني عشرألف مرتزق | اثني عشرألف=12000
ألفي عراقي | ألفي=2000
وألفين آخرين | ألفين=2000
أكثر من خمسين دولة | خمسين=50
وثمانية آلاف سوري | ثمانية آلاف=8000
وعشرات الآلاف من أسرهم |
خمسة آلاف مرتزق | خمسة آلاف=5000
ثلاثمائة وستون يوماً | ثلاثمائة وستون=360
ثلاث مئة وستون يوماً | ثلاث مئة وستون=360
ثلاثمئة | ثلاثمئة=300
ثمانمائة | ثمانمائة=800
ثمانيمئة | ثمانيمئة=800
تسعمية | تسعمية=900
سبع ميه | سبع ميه=700
مئتان وأربعة عشر راكباً | مئتان وأربعة عشر=214
مئتا جندي | مئتا=200
بمئتي ليرة | مئتي=200
المائتين | المائتين=200
أحد عشر قتيلاً | أحد عشر=11
إحدى عشرة امرأة | إحدى عشرة=11
اثنا عشر طفلاً | اثنا عشر=12
اثنتي عشرة دولة | اثنتي عشرة=12
ثلاثة عشر | ثلاثة عشر=13
خمس عشرة سنة | خمس عشرة=15
خمسةعشر | خمسةعشر=15
إثنين وعشرين | إثنين وعشرين=22
إحدى وثلاثون | إحدى وثلاثون=31
تسعة وتسعون | تسعة وتسعون=99
ثمانٍ وأربعين ساعة | ثمانٍ وأربعين=48
ألف وتسعمئة وخمسة وأربعون | ألف وتسعمئة وخمسة وأربعون=1945
عام ألفين واثنين وعشرين | ألفين واثنين وعشرين=2022
ألفان وخمسمئة | ألفان وخمسمئة=2500
ألفاً وخمسمئة دينار | ألفاً وخمسمئة=1500
اثني عشر ألفاً وأربعمئة حاوية | اثني عشر ألفاً وأربعمئة=12400
ثلاثة آلاف ومئتي متر | ثلاثة آلاف ومئتي=3200
مئة ألف | مئة ألف=100000
مئة وخمسة آلاف | مئة وخمسة آلاف=105000
مليون | مليون=1000000
مليون ومئتا ألف | مليون ومئتا ألف=1200000
مليون و200 ألف نسمة | مليون و200 ألف=1200000
مليونا دولار | مليونا=2000000
بلغ مليوناً | مليوناً=1000000
عشرين مليونا | عشرين مليونا=20000000
مليوني نسمة | مليوني=2000000
ثلاثة ملايين ونصف المليون | ثلاثة ملايين ونصف المليون=3500000
مليون ونصف دولار | مليون ونصف=1500000
3 ملايين ونصف | 3 ملايين ونصف=3500000
مليارين و300 مليون | مليارين و300 مليون=2300000000
خمسة مليارات ليرة | خمسة مليارات=5000000000
1.2 مليار | 1.2 مليار=1200000000
1,2 مليون | 1,2 مليون=1200000
3 آلاف | 3 آلاف=3000
٣ آلاف | ٣ آلاف=3000
5 آلاف و500 ليرة | 5 آلاف و500=5500
200 ألف و300 | 200 ألف و300=200300
نصف مليون شخص | نصف مليون=500000
ربع مليون | ربع مليون=250000
ألف مليون | ألف مليون=1000000000
نصف السكان | نصف=1/2/
الثلث | الثلث=1/3/
ثلثا الأعضاء | ثلثا=2/3/
ثلثي الأصوات | ثلثي=2/3/
ثلاثة أرباع | ثلاثة أرباع=3/4/
أربعة أخماس | أربعة أخماس=4/5/
ثلاثة ونصف | ثلاثة ونصف=3.5
خمسون بالمئة | خمسون بالمئة=50%
خمسين في المائة | خمسين في المائة=50%
2.75 بالمئة | 2.75 بالمئة=2.75%
٢٫٧٥٪ | ٢٫٧٥٪=2.75%
12 % من | 12 %=12%
%12 من | %12=12%
من 5 إلى 7 بالمئة | 5=5% 7 بالمئة=7%
5-7% | 5=5% 7%=7%
١٬٢٣٤ قتيلاً | ١٬٢٣٤=1234
۱۲۱ نفر | ۱۲۱=121
١،٢٣٤ | ١،٢٣٤=1234
٣،٥ كيلومترات | ٣،٥=3.5
12 345 | 12=12 345=345
12\u00a0345 نسمة | 12\u00a0345=12345
1.002.000 كيلومتر | 1.002.000=1002000
12.000 شخص | 12.000=12000
بـ104 مليون نسمة | 104 مليون=104000000
لـ 30 عاماً | 30=30
ال14 | 14=14
20كانون | 20=20
15شخصاً | 15=15
القرار 2254 الصادر عام 2015 | 2254=2254 2015=2015
قتيلان وخمسة جرحى | قتيلان=2~ خمسة=5
إصابة عنصرين | عنصرين=2~
وجريحين | جريحين=2~
مقاتلين من القوات |
مقاتلان | مقاتلان=2~
خلال يومين | يومين=2~
عامين ونصف | عامين ونصف=2.5~
السيارتان | السيارتان=2~
للمرة الثالثة | الثالثة=3.
الذكرى الثالثة عشرة | الثالثة عشرة=13.
الحادي والعشرين | الحادي والعشرين=21.
القرن العشرين | العشرين=20.
في الحادية والسبعين | الحادية والسبعين=71.
ثاني أكبر مدينة | ثاني=2.
اليوم الأول | الأول=1.
الجولة السابعة عشرة | السابعة عشرة=17.
أول مرة | أول=1.
بين مئة وثلاث مئة | مئة=100 ثلاث مئة=300
بين ألف وثلاثة آلاف | ألف=1000 ثلاثة آلاف=3000
خمسة أو ستة | خمسة=5 ستة=6
مئة وخمسون وستون | مئة وخمسون=150 ستون=60
قتيل واحد | واحد=1
واحد وثلاثون راكباً | واحد وثلاثون=31
عشرة وعشرون | عشرة=10 عشرون=20
في كانون الثاني |
تشرين الأول 2020 | 2020=2020
كل واحد منهم |
واحد من أهم |
في آن واحد |
لست هنا |
كمية كبيرة |
يوم الاثنين |
يوم الأحد |
أحد المسؤولين |
إحدى القرى |
بضعة أشخاص |
عدة آلاف |
مئات الجرحى |
كولن باول |
نصف نهائي البطولة |
الواحد تلو الآخر |
النسبة بالمئة |
صفر | صفر=0
سِتُّونَ أَلْفًا | سِتُّونَ أَلْفًا=60000
خمســون ألفــاً | خمســون ألفــاً=50000
ﺧﻤﺴﻮﻥ ﺃﻟﻒ | ﺧﻤﺴﻮﻥ ﺃﻟﻒ=50000
مئةوخمسين | مئةوخمسين=150
بمئة دولار | مئة=100
كعشرين | عشرين=20
فثلاثة | ثلاثة=3
للألف | للألف=1000
بلغت ألفا | ألفا=1000
ألفا جندي | ألفا=2000
حرارة بلغت -5 درجات | -5=-5
المادة 7 | 7=7
صاروخ S-300 |
اتصل على +963 11 234 5678 |
هاتف 0933-123-456 |
1. أولاً |
٢- ثانياً |
https://example.org/2022/5 |
تريليون | تريليون=1000000000000
سبعة وعشرون راكباً لا واحد وثلاثون | سبعة وعشرون=27 واحد وثلاثون=31
"""

ENGLISH = """
one hundred and twenty-one martyrs | one hundred and twenty-one=121
a hundred | a hundred=100
a hundred and five | a hundred and five=105
one hundred twenty | one hundred twenty=120
twenty-one | twenty-one=21
Thirty-one passengers | Thirty-one=31
seventeen | seventeen=17
nineteen hundred and five | nineteen hundred and five=1905
two thousand and twenty-two | two thousand and twenty-two=2022
one hundred and five thousand | one hundred and five thousand=105000
twelve thousand four hundred | twelve thousand four hundred=12400
five million two hundred thousand | five million two hundred thousand=5200000
1.2 million | 1.2 million=1200000
2 million and 300 thousand | 2 million and 300 thousand=2300000
half a million | half a million=500000
a quarter of a million people | a quarter of a million=250000
two and a half million | two and a half million=2500000
three and a half years | three and a half=3.5
two thirds | two thirds=2/3/
two-thirds | two-thirds=2/3/
one-fifth more | one-fifth=1/5/
a third of them | a third=1/3/
three quarters | three quarters=3/4/
half | half=1/2/
a third attack | third=3.
the first | first=1.
the twenty-third | twenty-third=23.
the 20th and 21st | 20th=20. 21st=21.
2.5bn | 2.5bn=2500000000
3k | 3k=3000
$5m or 100m | 5m=5000000 100=100
2.75 percent | 2.75 percent=2.75%
fifty per cent | fifty per cent=50%
12.5% | 12.5%=12.5%
5-7% | 5=5% 7%=7%
1,234,567.8 | 1,234,567.8=1234567.8
500,000 | 500,000=500000
2022 | 2022=2022
Resolution 2254 | 2254=2254
a dozen | a dozen=12
two dozen | two dozen=24
between one thousand and two thousand | one thousand=1000 two thousand=2000
between one hundred and two hundred | one hundred=100 two hundred=200
five or six | five=5 six=6
twenty and thirty | twenty=20 thirty=30
one person was killed | one=1
sixty-three-year-old | sixty-three=63
mid-2022 | 2022=2022
at 6 a.m. | 6=6
7,000,000 km | 7,000,000=7000000
30km | 30=30
2½ | 2½=2.5
No one was hurt |
one of the ministers |
one another |
the last one |
hundreds of people |
dozens of cars |
several thousand |
wait a second |
First Lady |
F-16 jets and COVID-19 |
5G networks |
mail x1@y2.org |
call 1-800-555-1234 |
a house and a car |
it may rain |
1) item |
"""


def table(rows: str) -> list[tuple[str, list[tuple[str, Decimal, str]]]]:
    found = []
    for row in rows.strip().splitlines():
        text, _, expected = row.encode().decode().replace("\\u00a0", "\u00a0").partition("|")
        found.append((text.strip(), expected_numbers(expected)))
    return found


def expected_numbers(row: str) -> list[tuple[str, Decimal, str]]:
    found, row = [], row.strip(" ")
    while row:
        written, _, row = row.partition("=")
        value, _, row = row.partition(" ")
        kind = {"%": "percent", ".": "ordinal", "/": "fraction", "~": "dual"}.get(value[-1], "cardinal")
        over, _, under = (value if kind == "cardinal" else value[:-1]).partition("/")
        found.append((written, Decimal(over) / Decimal(under or 1), kind))
    return found


def read(text: str) -> list[tuple[str, Decimal, str]]:
    return [(text[n.start : n.end], n.value, "dual" if n.written == "dual" else n.kind) for n in numbers(text)]


@pytest.mark.parametrize(("text", "expected"), table(ARABIC) + table(ENGLISH))
def test_numbers(text: str, expected: list[tuple[str, Decimal, str]]) -> None:
    assert read(text) == expected


def test_a_bound_is_told_from_an_exact_number() -> None:
    text = "أكثر من خمسين، وحوالي ألفي عراقي، وما لا يقل عن 20، ولم يتجاوز 30، و40؛ at least 5, fewer than 6, about 7, 8"
    assert [number.bound for number in numbers(text)] == ["over", "about", "over", "under", "exact", "over", "under", "about", "exact"]


def test_a_number_says_how_it_is_written() -> None:
    assert [number.written for number in numbers("121، مئة، 3 آلاف، قتيلان، 2.5bn")] == ["digits", "words", "mixed", "dual", "digits"]


# Any number, by a writer of its own

UNITS = {
    1: ["واحد", "واحدة"],
    2: ["اثنان", "اثنين", "اثنتان", "إثنين", "اثنتين"],
    3: ["ثلاثة", "ثلاث"],
    4: ["أربعة", "أربع"],
    5: ["خمسة", "خمس"],
    6: ["ستة", "ست"],
    7: ["سبعة", "سبع"],
    8: ["ثمانية", "ثمان", "ثماني"],
    9: ["تسعة", "تسع"],
}
TEENS = {11: ["أحد عشر", "إحدى عشرة"], 12: ["اثنا عشر", "اثني عشر", "اثنتا عشرة", "اثنتي عشرة"]}
TENS = {2: "عشر", 3: "ثلاث", 4: "أربع", 5: "خمس", 6: "ست", 7: "سبع", 8: "ثمان", 9: "تسع"}
SCALES = {1000: ("ألف", "آلاف", ["ألفان", "ألفين"]), 10**6: ("مليون", "ملايين", ["مليونان", "مليونين"])}
FILLER = "قال الوزير إن المدينة شهدت أمس هجوما على مقر القيادة officials said minister city council".split()


def arabic_below_hundred(n: int, pick: random.Random) -> str:
    if n < 10:
        return pick.choice(UNITS[n])
    if n == 10:
        return pick.choice(["عشرة", "عشر"])
    if n < 20:
        return pick.choice(TEENS.get(n) or [f"{unit} {ten}" for unit in UNITS[n - 10] for ten in ("عشر", "عشرة")])
    tens = TENS[n // 10] + pick.choice(["ون", "ين"])
    return f"{pick.choice([*UNITS[n % 10], *(['أحد', 'إحدى'] if n % 10 == 1 else [])])} و{tens}" if n % 10 else tens


def arabic_below_thousand(n: int, pick: random.Random) -> str:
    hundred, parts = pick.choice(["مئة", "مائة"]), []
    if n // 100 == 1:
        parts.append(hundred)
    elif n // 100 == 2:
        parts.append(hundred[:-1] + pick.choice(["تان", "تين"]))
    elif n >= 300:
        parts.append(UNITS[n // 100][-1].replace("ثماني", pick.choice(["ثمان", "ثماني"])) + pick.choice(["", " "]) + hundred)
    return " و".join([*parts, *([arabic_below_hundred(n % 100, pick)] if n % 100 else [])])


def in_arabic(n: int, pick: random.Random) -> str:
    """Write a number from 0 to 999,999,999 in Arabic words, in cases and genders at random."""
    if n == 0:
        return "صفر"
    parts = []
    for scale in (10**6, 1000):
        count, (one, many, two) = n // scale % 1000, SCALES[scale]
        if count == 1:
            parts.append(one)
        elif count == 2:
            parts.append(pick.choice(two))
        elif count:
            named = many if 3 <= count % 100 <= 10 else pick.choice([one, one + "ا", one + "اً"])
            parts.append(f"{arabic_below_thousand(count, pick)} {named}")
    return " و".join([*parts, *([arabic_below_thousand(n % 1000, pick)] if n % 1000 else [])])


EN_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
EN_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_english(n: int, pick: random.Random, *, first: bool = True) -> str:
    """Write a number from 0 to 999,999,999 in English words, with and without "and", hyphens and capitals."""
    if n < 20:
        return EN_SMALL[n]
    if n < 100:
        return EN_TENS[n // 10 - 2] + (pick.choice("- ") + EN_SMALL[n % 10] if n % 10 else "")
    scale, name = next((s, name) for s, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")) if n >= s)
    count = "a" if first and n // scale == 1 and pick.random() < 0.3 else in_english(n // scale, pick, first=first)
    link = " and " if n % scale < 100 and pick.random() < 0.5 else " "
    return f"{count} {name}" + (link + in_english(n % scale, pick, first=False) if n % scale else "")


def in_figures(n: int, pick: random.Random) -> str:
    family = pick.choice(["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹"])
    separator = pick.choice(["", ",", "٬", "،", "\u00a0", "\u202f", "\u2009"])
    return f"{n:,}".replace(",", separator).translate(str.maketrans("0123456789", family))


def embedded(written: str, pick: random.Random) -> tuple[str, int]:
    before, after = " ".join(pick.sample(FILLER, 3)), " ".join(pick.sample(FILLER, 3))
    return f"{before} {written} {after}", len(before) + 1


any_number = st.one_of(st.integers(0, 2100), st.integers(0, 10**9 - 1))
seeds = st.integers(0, 2**32)


@given(any_number, seeds, st.sampled_from([in_arabic, in_english, in_figures]))
def test_any_number_is_read_whole_wherever_it_stands(n: int, seed: int, write: object) -> None:
    pick = random.Random(seed)
    written = write(n, pick)  # type: ignore[operator]
    text, at = embedded(written, pick)
    assert [(text[x.start : x.end], x.value, x.start) for x in numbers(text)] == [(written, n, at)]


@given(any_number, seeds)
def test_marks_and_tatweel_change_neither_value_nor_place(n: int, seed: int) -> None:
    pick = random.Random(seed)
    plain = in_arabic(n, pick)
    marks = "\u064e\u064f\u0650\u0651\u0652\u0640"
    written = "".join(c + (pick.choice(marks) if "ء" <= c <= "ي" and pick.random() < 0.4 else "") for c in plain)
    text, at = embedded(written, pick)
    assert [(text[x.start : x.end], x.value, x.start) for x in numbers(text)] == [(written, n, at)]


@given(st.text(alphabet="مئةوخسنيأفلاثبعشركً\u0640\u200f ﺧﻤﺴﻮﻥﺃﻟﻒ 0123٤٥.,،-/%\nonehutwadfy", max_size=60))
def test_spans_are_in_order_and_within_the_text(text: str) -> None:
    for found in (numbers(text), dates(text)):
        ends = [0, *(edge for item in found for edge in (item.start, item.end)), len(text)]
        assert ends == sorted(ends) and all(text[item.start : item.end].strip() for item in found)


def test_the_words_of_a_phrase_are_not_taken_for_other_numbers() -> None:
    assert {n: numbers(in_english(n, random.Random(n)))[0].value for n in range(2, 3000)} == {n: n for n in range(2, 3000)}


# Comparing, searching, writing


def only(text: str):  # type: ignore[no-untyped-def]
    (number,) = numbers(text)
    return number


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("مئة وواحد وعشرون", "121", True),
        ("١٢١", "one hundred and twenty-one", True),
        ("مئة وواحد وعشرون", "122", False),
        ("خمسون بالمئة", "50%", True),
        ("50%", "50", False),
        ("نصف مليون", "500,000", True),
        ("ثلثي", "two thirds", True),
        ("20th", "20", True),
        ("قتيلان", "2", True),
        ("1.2 million", "مليون و200 ألف", True),
        ("41 مليون", "41 مليار", False),
    ],
)
def test_same_number(one: str, other: str, same: bool) -> None:
    assert same_number(only(one), only(other)) is same


def test_a_number_is_searched_under_one_key_however_it_is_written() -> None:
    assert number_terms("مئة وواحد وعشرون") == number_terms("121") == number_terms("١٢١") == {"#121"}
    assert number_terms("1.2 million و2.50") == {"#1200000", "#2.5"}


@pytest.mark.parametrize(
    ("text", "digits"),
    [("مئة وواحد وعشرون", "121"), ("اثني عشر ألفاً", "12,000"), ("2.75 percent", "2.75%"), ("ثلث", "0.33"), ("نصف مليون", "500,000")],
)
def test_a_number_is_written_in_digits(text: str, digits: str) -> None:
    assert in_digits(only(text)) == digits


def test_a_number_of_any_length_is_itself() -> None:
    """Python turns no text of more than 4,300 digits into a whole number, and its decimals round at 28."""
    written = "123456789" * 5
    assert in_digits(only(written)) == f"{int(written):,}"
    assert number_terms(written) == {f"#{written}"}
    assert number_terms(f"مئة و{written}") == {"#100", f"#{written}"}
    assert analyse("7" * 10_000).numbers == ("#" + "7" * 10_000,)
    assert number_terms("7" * 2_000_000) == {"#" + "7" * 2_000_000}
    assert dates("7" * 200_000) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("41 مليون دولار خلال يومين", [("41 مليون دولار", 41_000_000, "USD", "money"), ("يومين", 2, "day", "duration")]),
        ("200 ألف ليرة سورية لثلاثة أيام", [("200 ألف ليرة سورية", 200_000, "SYP", "money"), ("ثلاثة أيام", 3, "day", "duration")]),
        ("$5m and €2.5bn", [("$5m", 5_000_000, "USD", "money"), ("€2.5bn", 2_500_000_000, "EUR", "money")]),
        ("two and a half years", [("two and a half years", Decimal("2.5"), "year", "duration")]),
        ("قتل 5 جنود", []),
    ],
)
def test_amounts(text: str, expected: list[tuple[str, Decimal, str, str]]) -> None:
    assert [(text[a.start : a.end], a.number.value, a.unit, a.kind) for a in amounts(text)] == expected


# Dates: text, then each date as "what is written = year-month-day", ? for what is not said, h for Hijri, and the weekday after a slash.
DATES = """
من 20 إلى 29 كانون الثاني/يناير 2022 | 20=2022-1-20 29 كانون الثاني/يناير 2022=2022-1-29
العشرين من كانون الثاني عام ألفين واثنين وعشرين | العشرين من كانون الثاني عام ألفين واثنين وعشرين=2022-1-20
20–29 January 2022 | 20=2022-1-20 29 January 2022=2022-1-29
January 20–29, 2022 | January 20=2022-1-20 29, 2022=2022-1-29
Monday, March 3rd | Monday, March 3rd=?-3-3/1
يوم الخميس 20 كانون الثاني الماضي | الخميس 20 كانون الثاني=?-1-20/4
2022-01-20 | 2022-01-20=2022-1-20
20/1/2022 | 20/1/2022=2022-1-20
٢٠/١/٢٠٢٢ | ٢٠/١/٢٠٢٢=2022-1-20
20.1.2022 | 20.1.2022=2022-1-20
1/25/2022 | 1/25/2022=2022-1-25
12/6/1443 | 12/6/1443=1443-6-12h
it may rain |
5 may be killed |
Theresa May said |
march on |
in May | May=?-5-?
May 2022 | May 2022=2022-5-?
20 may 2022 | 20 may 2022=2022-5-20
2 رمضان 1443 هـ | 2 رمضان 1443 هـ=1443-9-2h
سنة 148 هـ | 148 هـ=148-?-?h
ربيع الآخر سنة 1420 هـ | ربيع الآخر سنة 1420 هـ=1420-4-?h
عامي 1908 و 1914 | 1908=1908-?-? 1914=1914-?-?
منذ 1956 | 1956=1956-?-?
في 2000 شخص |
الثامن من فيفري 2007 | الثامن من فيفري 2007=2007-2-8
15 جويلية | 15 جويلية=?-7-15
في أوت 2013 | أوت 2013=2013-8-?
آب الماضي | آب=?-8-?
أب الأسرة |
7 غشت | 7 غشت=?-8-7
5 جانفي و6 أفريل | 5 جانفي=?-1-5 6 أفريل=?-4-6
تموز/يوليو1961 | تموز/يوليو1961=1961-7-?
14 أيار / مايو 1948 | 14 أيار / مايو 1948=1948-5-14
21 مايو من العام 1904 | 21 مايو من العام 1904=1904-5-21
14 من شهر شباط عام 2019 | 14 من شهر شباط عام 2019=2019-2-14
الأول من أبريل | الأول من أبريل=?-4-1
الاثنين 3 تشرين الثاني (نوفمبر) 2036 | الاثنين 3 تشرين الثاني (نوفمبر) 2036=2036-11-3/1
اليوم الخميس العاشر من يوليو | الخميس العاشر من يوليو=?-7-10/4
from 2011 to 2013 | 2011=2011-?-? 2013=2013-?-?
3 و4 و5 أيار | 3=?-5-3 4=?-5-4 5 أيار=?-5-5
at 10 p.m. on Tuesday, 21 January | Tuesday, 21 January=?-1-21/2
بيناير 2022 | يناير 2022=2022-1-?
كانون ثاني ٢٠٢٢ | كانون ثاني ٢٠٢٢=2022-1-?
أمس الأول، غداً، yesterday |
الساعة العاشرة |
مارس الضغط |
the third of June 1990 | third of June 1990=1990-6-3
Sept. 11; 22 Sept | Sept. 11=?-9-11 22 Sept=?-9-22
قتل 15 شخصاً عام 2015 | 2015=2015-?-?
نحو 1500 شخص من 2000 عائلة |
الحرب الأهلية الليبية 2014. | 2014=2014-?-?
في 874م | 874م=874-?-?
عام 500 ق.م | 500 ق.م=-500-?-?
القرار 2015. |
shared 1.2k times since 1,990. |
"""


def read_dates(text: str) -> list[str]:
    found = []
    for d in dates(text):
        value = "-".join("?" if part is None else str(part) for part in (d.year, d.month, d.day))
        found.append(f"{text[d.start : d.end]}={value}{'h' * (d.calendar == 'hijri')}{f'/{d.weekday}' if d.weekday else ''}")
    return found


@pytest.mark.parametrize("row", DATES.strip().splitlines())
def test_dates(row: str) -> None:
    text, _, expected = row.partition("|")
    assert " ".join(read_dates(text.strip())) == expected.strip()


@pytest.mark.parametrize(
    ("one", "other", "same", "within"),
    [
        ("20 كانون الثاني 2022", "January 20, 2022", True, True),
        ("20 January", "٢٠/١/٢٠٢٢", True, True),
        ("January 2022", "20 January 2022", False, True),
        ("20 January 2022", "January 2022", False, False),
        ("20 January 2021", "20 January 2022", False, False),
        ("29 January", "20 January", False, False),
        ("منذ 2022", "since 2022", True, True),
        ("2 رمضان 1443", "2 September 1443", False, False),
    ],
)
def test_dates_are_compared(one: str, other: str, same: bool, within: bool) -> None:
    (a,), (b,) = dates(one), dates(other)
    assert (same_date(a, b), same_date(b, a), date_within(a, b)) == (same, same, within)


@pytest.mark.parametrize(
    ("text", "arabic", "english"),
    [
        ("20/1/2022", "20 كانون الثاني/يناير 2022", "20 January 2022"),
        ("في أوت 2013", "آب/أغسطس 2013", "August 2013"),
        ("2 رمضان 1443 هـ", "2 رمضان 1443 هـ", "2 Ramadan 1443 AH"),
        ("عام 1990", "1990", "1990"),
    ],
)
def test_a_date_is_written_for_its_reader(text: str, arabic: str, english: str) -> None:
    (date,) = dates(text)
    assert (in_words(date, "ar"), in_words(date, "en")) == (arabic, english)


@given(st.integers(1990, 2040), st.integers(1, 12), st.integers(1, 31), st.sampled_from(["ar", "en"]))
def test_a_date_written_is_read_again(year: int, month: int, day: int, language: str) -> None:
    (date,) = dates(f"{year}-{month:02}-{day:02}")
    (again,) = dates(in_words(date, language))  # type: ignore[arg-type]
    assert (again.year, again.month, again.day) == (year, month, day)


# A real statement

# The Hijri calendar beside the Gregorian


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2 رمضان 1443 هـ", "2022-04-03", "2022-04-03"),
        ("27 رمضان المبارك ١٤٤٣هـ", "2022-04-28", "2022-04-28"),
        ("12/7/1443", "2022-02-13", "2022-02-13"),
        ("Rajab 1443 AH", "2022-02-02", "2022-03-03"),
        ("Dhu al-Hijjah 1443", "2022-06-30", "2022-07-29"),
        ("Dhul-Hijja 1443 AH", "2022-06-30", "2022-07-29"),
        ("Rabi' al-Awwal 1443", "2021-10-07", "2021-11-05"),
        ("1443 هـ", "2021-08-09", "2022-07-29"),
        ("20 جمادى الأولى 857 هـ", "1453-06-07", "1453-06-07"),  # of the Gregorian calendar; 29 May of the Julian
        ("شباط 2024", "2024-02-01", "2024-02-29"),
    ],
)
def test_the_gregorian_days_of_a_date(text: str, first: str, last: str) -> None:
    [date] = dates(text)
    assert gregorian_days(date) == (Day.fromisoformat(first), Day.fromisoformat(last))


@pytest.mark.parametrize("text", ["2 رمضان", "30 صفر", "31/2/2022", "عام 44 ق.م"])
def test_a_date_without_its_year_or_that_there_is_not_has_no_days(text: str) -> None:
    assert [gregorian_days(date) for date in dates(text)] in ([], [None])


def test_dates_of_the_two_calendars_are_compared_by_their_days() -> None:
    def date(text: str) -> Date:
        return dates(text)[0]

    assert same_date(date("2 رمضان 1443 هـ"), date("3 April 2022"))
    assert same_date(date("4 نيسان 2022"), date("2 Ramadan 1443 AH"))  # the moon was seen a day later
    assert not same_date(date("2 رمضان 1443 هـ"), date("6 April 2022"))
    assert not same_date(date("رمضان 1443 هـ"), date("April 2022"))
    assert date_within(date("April 2022"), date("2 رمضان 1443 هـ"))
    assert date_within(date("رمضان 1443"), date("3 April 2022"))
    assert not date_within(date("May 2022"), date("2 رمضان 1443 هـ"))
    assert not date_within(date("عام 2022"), date("1443 هـ"))


@given(st.integers(1, 1600), st.integers(1, 12), st.integers(1, 29))
def test_every_hijri_day_is_in_its_month_and_the_month_in_its_year(year: int, month: int, day: int) -> None:
    [only, same], of_month, of_year = hijri.days(year, month, day), hijri.days(year, month), hijri.days(year)
    assert only == same and of_month[0] <= only <= of_month[1]
    assert of_year[0] <= of_month[0] and of_month[1] <= of_year[1]
    assert 27 <= (of_month[1] - of_month[0]).days <= 30
    assert all(year in hijri.hijri_years(gregorian) for gregorian in hijri.gregorian_years(year))


@given(st.integers(1343, 1500), st.integers(1, 12), st.integers(1, 29), st.sampled_from(["ar", "en"]))
def test_a_hijri_date_in_words_is_read_back(year: int, month: int, day: int, language: Literal["ar", "en"]) -> None:
    [read_back] = dates(in_words(Date(0, 0, "hijri", year, month, day), language))
    assert (read_back.calendar, read_back.year, read_back.month, read_back.day) == ("hijri", year, month, day)


STATEMENT = Path(__file__).parent.parent.parent / "shared" / "statements" / "hasakah-prison-attack.txt"


@pytest.mark.skipif(not STATEMENT.exists(), reason="the folder shared with the real statement is not beside the checkout")
def test_every_number_of_a_real_statement() -> None:
    found = [(int(number.value), number.bound) for number in numbers(STATEMENT.read_text(encoding="utf-8"))]
    exact = [121, 5000, 121, (12000, "about"), (2000, "about"), 2000, (50, "over"), 8000]
    assert found == [item if isinstance(item, tuple) else (item, "exact") for item in exact]

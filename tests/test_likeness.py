"""Statements that nearly repeat one another, earlier texts of corrected ones, and texts that were spoiled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import FakeEmbeddings

from ingest import ingest, rebuild, remove
from rag import Assistant
from rag.build import account
from rag.doctor import examine_all, suspicions
from rag.errors import UnknownStatement
from rag.index.near_duplicates import differences
from rag.settings import load_settings
from ui.cli.main import main

FLOOD = "Flood in the valley\n\nThe ministry said that {} people were hurt when the river rose on {} and that the north road {} closed.\n"
FLOOD_REPORT = FLOOD.format(21, "3 March 2031", "was")
OLIVES = "Olive harvest\n\nFarmers picked forty tonnes of olives in the hills this year, more than in any year before, their union told.\n"


@pytest.fixture
def folder(tmp_path: Path, fake: FakeEmbeddings) -> Path:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "flood.txt").write_text(FLOOD_REPORT)
    (folder / "olives.txt").write_text(OLIVES)
    return folder


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("قُتل سبعة أشخاص في الهجوم.", "قُتل تسعة أشخاص في الهجوم.", [("number", "سبعة", "تسعة")]),
        ("وقع الهجوم في 3 آذار 2031.", "وقع الهجوم في 4 آذار 2031.", [("date", "3 آذار 2031", "4 آذار 2031")]),
        ("لم يسفر الحادث عن إصابات.", "أسفر الحادث عن إصابات.", [("polarity", "لم يسفر", "أسفر")]),
        ("The army did not fire.", "The army fired.", [("polarity", "did not fire", "fired")]),
        ("Forty people came.", "40 people came.", [("wording", "Forty", "40")]),
        ("The bridge was closed.", "The bridge was closed in Homs.", [("wording", "", "in Homs")]),
        ("الحَسَكة بخير", "الحسكة بخير", []),
    ],
)
def test_what_differs_is_told_with_its_kind(one: str, other: str, found: list[tuple[str, str, str]]) -> None:
    assert [(difference.kind, difference.text, difference.other) for difference in differences(one, other)] == found


def test_a_statement_with_another_figure_is_told_beside_the_first(folder: Path, index: Path) -> None:
    (folder / "again.txt").write_text(FLOOD.format(27, "3 March 2031", "was"))
    ingest([folder])
    assistant = Assistant.open(index)
    flood, again, olives = (
        next(s.statement_id for s in assistant.statements() if s.statement_id.startswith(n)) for n in ("flood", "again", "olives")
    )
    [near] = assistant.related(flood)
    assert near.statement_id == again
    assert [(d.kind, d.text, d.other) for d in near.differences] == [("number", "21", "27")]
    assert near.likeness > 0.6
    assert assistant.related(olives) == []
    findings = {finding.name: finding.detail for finding in examine_all(load_settings())}
    assert "1 groups of nearly the same" in findings["alike"] and flood in findings["alike"] and olives not in findings["alike"]


def test_earlier_texts_of_a_corrected_statement_are_kept_and_the_newest_answers(folder: Path, index: Path) -> None:
    ingest([folder])
    for hurt, closed in ((23, "was"), (24, "was not")):
        (folder / "flood.txt").write_text(FLOOD.format(hurt, "3 March 2031", closed))
        ingest([folder])
    assistant = Assistant.open(index)
    flood = next(s.statement_id for s in assistant.statements() if s.title.startswith("Flood"))
    second, first = assistant.versions(flood)
    assert first.statement.text == FLOOD_REPORT
    assert [(d.kind, d.text, d.other) for d in first.differences] == [("number", "21", "23")]
    assert [d.kind for d in second.differences] == ["number", "polarity"]
    assert first.until <= second.until
    hits = assistant.search("people hurt when the river rose")
    assert "24" in hits[0].text and not any("21" in hit.text or "23" in hit.text for hit in hits)
    assert assistant.related(flood) == [], "a version is no other statement"

    rebuild()
    assert [version.statement.text for version in account(load_settings(), flood).versions] == [second.statement.text, FLOOD_REPORT]
    remove([flood])
    ingest([folder])
    assert account(load_settings(), "flood").versions == (), "what was removed by hand is gone with its past"


def test_a_statement_of_several_sources_is_one_that_names_them(folder: Path, index: Path) -> None:
    for name in ("copy.txt", "other/flood.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(FLOOD_REPORT)

    def places() -> list[str]:
        [flood] = [s for s in Assistant.open(index).statements() if s.title.startswith("Flood")]
        return sorted(str(Path(place).relative_to(folder)) for place in (flood.read_from, *flood.also_at))

    ingest([folder])
    assert places() == ["copy.txt", "flood.txt", "other/flood.txt"]
    again = ingest([folder])
    assert (again.updated, again.passages, places()) == (0, 0, ["copy.txt", "flood.txt", "other/flood.txt"])
    (folder / "copy.txt").unlink()
    ingest([folder], prune=True)
    assert places() == ["flood.txt", "other/flood.txt"]
    (folder / "flood.txt").unlink()
    assert ingest([folder], prune=True).removed == 0, "it still stands elsewhere"
    assert places() == ["other/flood.txt"]


def test_what_a_statement_no_longer_says_of_itself_is_forgotten(folder: Path, index: Path) -> None:
    (folder / "olives.txt").rename(folder / "olives.md")
    (folder / "olives.md").write_text(f"---\ndate: 2031-03-04\nissuer: Union\n---\n{OLIVES}")
    ingest([folder])
    assert account(load_settings(), "olives").statement.date == "2031-03-04"
    (folder / "olives.md").write_text(OLIVES)
    ingest([folder])
    statement = account(load_settings(), "olives").statement
    assert (statement.date, statement.issuer) == (None, None)


def test_a_copy_that_is_changed_is_a_statement_of_its_own(folder: Path, index: Path) -> None:
    (folder / "zcopy.txt").write_text(FLOOD_REPORT)
    ingest([folder])
    (folder / "zcopy.txt").write_text(FLOOD.format(99, "3 March 2031", "was"))
    assert ingest([folder]).added == 1
    assert account(load_settings(), "flood").statement.also_at == ()
    assert [near.statement_id.partition("-")[0] for near in account(load_settings(), "flood").related] == ["zcopy"]


def test_a_change_of_what_is_cut_makes_no_version(folder: Path, index: Path) -> None:
    ingest([folder])
    (folder / "flood.txt").write_text(FLOOD_REPORT + "\nاظهر المزيد\n")
    assert ingest([folder]).updated == 1
    assert account(load_settings(), "flood").versions == ()


def test_the_terminal_tells_all_about_a_statement(folder: Path, index: Path) -> None:
    (folder / "again.txt").write_text(FLOOD.format(27, "3 March 2031", "was"))
    ingest([folder])
    told = json.loads(CliRunner().invoke(main, ["statements", "flood", "--json"]).stdout)
    assert told["statement"]["text"] == FLOOD_REPORT
    assert told["versions"] == []
    assert told["related"][0]["differences"] == [{"kind": "number", "text": "21", "other": "27"}]
    assert "number: “21” ↔ “27”" in CliRunner().invoke(main, ["statements", "flood"]).stdout
    with pytest.raises(UnknownStatement, match='"nothing" fits no statement; `bayan statements` lists'):
        account(load_settings(), "nothing")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Ø¨ÙŠØ§Ù† ØµØ­ÙÙŠ Ø¹Ù† Ø§Ù„Ù…Ø¯ÙŠÙ†Ø©", "letters of a wrong encoding"),
        ("ﺑﻴﺎﻥ ﺻﺤﻔﻲ ﻋﻦ ﺍﻟﻤﺪﻳﻨﺔ", "drawn letter forms"),
        ("ةنيدملا يف ةيدوعس ةرازو ةكرش نع ردص", "reversed Arabic"),
    ],
)
def test_a_spoiled_text_is_told(text: str, reason: str) -> None:
    assert suspicions(text) == [reason]


@pytest.mark.parametrize("text", ["بيان صحفي عن المدينة والشركة ﷺ", "Ünïcode prose: “naïve” – façade, Ø 5 mm.", "قال ﷲ تعالى"])
def test_a_sound_text_is_not(text: str) -> None:
    assert suspicions(text) == []

"""Filters and facets: right alone and together, in both languages, over whatever door; what matches nothing is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Doors
from fakes import FakeEmbeddings

import rag.build
import rag.retrieval.retriever
from ingest import ingest
from rag import Assistant
from rag.errors import FilterError
from rag.index.filters import source_group, source_keys
from rag.schema import Facets, Filters
from ui.cli.main import main

pytestmark = pytest.mark.usefixtures("fake")

ARABIC, ENGLISH = "قالت الوزارة إن المياه عادت إلى الحي رقم {0}.", "The ministry said water was back in quarter {0}."
ISSUERS = ("وزارة المياه", "Ministry of Water", None)


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    """Twenty-four statements: two languages, three issuers (one of them nobody), four years, two folders."""
    folder = tmp_path_factory.mktemp("filters")
    for number in range(24):
        arabic, issuer = number % 2 == 0, ISSUERS[number % 3]
        head = "".join([f"title: {number}\n", f"issuer: {issuer}\n" if issuer else "", f"date: {2028 + number % 4}-05-{number + 1:02}\n"])
        path = folder / "statements" / ("north" if number < 12 else "south") / f"{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\n{head}---\n{(ARABIC if arabic else ENGLISH).format(number)}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rag.build, "open_embeddings", lambda settings: FakeEmbeddings())
        ingest([folder / "statements"], index=folder / "index")
        return Assistant.open(folder / "index")


def titles(assistant: Assistant, filters: Filters | None) -> set[int]:
    return {int(hit.title) for hit in assistant.search("water مياه", top_k=100, filters=filters)}


@pytest.mark.parametrize("exact", [200, 0], ids=["few pass", "many pass"])
@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(issuers=("ministry of WATER",)),
        Filters(issuers=("وِزارة المياة", "Ministry of Water")),
        Filters(date_from="2030"),
        Filters(date_from="2029-05-02", date_to="2029-05-06"),
        Filters(date_to="2028-05"),
        Filters(languages=("en",)),
        Filters(languages=("en", "ar"), issuers=("وزارة المياه",), date_from="2030"),
    ],
    ids=repr,
)
def test_filters_find_what_passes_and_nothing_else(
    filters: Filters, exact: int, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.retrieval.retriever, "EXACT", exact)  # 0: as in an index where too many pass to compare them one by one
    wanted = {number for number in range(24) if _passes(number, filters)}
    assert wanted
    assert titles(assistant, filters) == wanted
    assert assistant.facets(filters).statements == len(wanted)


def _passes(number: int, filters: Filters) -> bool:
    """The same filters, worked out from how the statements were made."""
    issuer, day = ISSUERS[number % 3], f"{2028 + number % 4}-05-{number + 1:02}"
    spelled = {"ministry of WATER": "Ministry of Water", "وِزارة المياة": "وزارة المياه"}
    return (
        (not filters.issuers or issuer in [spelled.get(name, name) for name in filters.issuers])
        and (not filters.languages or ("ar", "en")[number % 2] in filters.languages)
        and (filters.date_from is None or day >= filters.date_from)
        and (filters.date_to is None or day[: len(filters.date_to)] <= filters.date_to)
    )


def test_statements_are_found_by_folder_file_and_id(assistant: Assistant) -> None:
    north = next(key for key in assistant.facets().sources if key.endswith("north"))
    assert titles(assistant, Filters(sources=(north,))) == set(range(12))
    assert titles(assistant, Filters(sources=("3.md", "17.md"))) == {3, 17}
    seventh = next(statement for statement in assistant.statements() if statement.title == "7")
    assert titles(assistant, Filters(statement_ids=(seventh.statement_id,))) == {7}
    answer = assistant.ask("What did the ministry say about quarter 7?", filters=Filters(statement_ids=(seventh.statement_id,)))
    assert {citation.title for citation in (*answer.citations, *answer.nearest)} == {"7"}


def test_facets_count_statements_by_value(assistant: Assistant) -> None:
    everything = assistant.facets()
    assert isinstance(everything, Facets)
    assert everything.statements == 24
    assert everything.issuers == {"وزارة المياه": 8, "Ministry of Water": 8}
    assert everything.languages == {"ar": 12, "en": 12}
    assert everything.years == {"2028": 6, "2029": 6, "2030": 6, "2031": 6}
    assert sorted(everything.sources.values()) == [12, 12]
    assert assistant.facets(Filters(languages=("en",), date_from="2031")).issuers == {"وزارة المياه": 2, "Ministry of Water": 2}


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (
            Filters(issuers=("Ministry of Fire",)),
            'no statement has the issuer "Ministry of Fire"; there are: "Ministry of Water", "وزارة المياه"',
        ),
        (Filters(date_from="2040"), 'no statement passes the filter from "2040" (they are of the years "2028", "2029"'),
        (Filters(sources=("x.md",), languages=("ar",)), 'the filter language "ar", source "x.md"'),
        (Filters(date_from="31.5.2030"), 'the date "31.5.2030" of a filter is not one; write it as 2031-05-17, 2031-05 or 2031'),
        (Filters(date_to="2030-02-31"), 'the date "2030-02-31"'),
        (Filters(date_from="2031", date_to="2030"), 'begin on "2031" and end before, on "2030"'),
        (Filters(issuers=("",)), "none of them empty"),
        (Filters(issuers="Ministry"), "give a list"),  # type: ignore[arg-type]
        (Filters(languages=("fr",)), 'cannot hold "fr"; allowed are: ar, en'),  # type: ignore[arg-type]
        (Filters(sources=("x",) * 1_001), "has 1001 values; at most 1000"),
    ],
)
def test_a_filter_that_matches_nothing_or_cannot_be_read_is_told(filters: Filters, told: str, assistant: Assistant) -> None:
    with pytest.raises(FilterError) as error:
        assistant.search("water", filters=filters)
    assert told in str(error.value)


def test_the_key_of_a_source_may_be_anything_above_it() -> None:
    assert source_keys("https://Example.org/news/1.html")[-2:] == ("example.org", "1.html")
    assert source_keys("/data/a/1.txt") == ("/data/a/1.txt", "/data/a", "/data", "1.txt", "a")
    assert source_keys("1.txt") == ("1.txt",)
    assert all(source_group(source) in source_keys(source) for source in ("https://Example.org/1", "/data/a/1.txt", "1.txt", "/1.txt"))


def bayan(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_the_command_line_narrows(tmp_path: Path, fake: FakeEmbeddings) -> None:
    (tmp_path / "one.md").write_text("---\nissuer: Town\ndate: 2031-05-02\n---\nThe water was back on Monday.", encoding="utf-8")
    (tmp_path / "two.md").write_text("---\nissuer: Farm\ndate: 2030-05-02\n---\nThe water was back on Tuesday.", encoding="utf-8")
    ingest([tmp_path / "one.md", tmp_path / "two.md"])
    _, out, _ = bayan("search", "water", "--issuer", "town", "--since", "2031", "--json")
    assert [hit["issuer"] for hit in json.loads(out)["hits"]] == ["Town"]
    _, out, _ = bayan("ask", "When was the water back?", "--source", "two.md", "--json")
    answer = json.loads(out)
    assert {quote["issuer"] for quote in [*answer["citations"], *answer["nearest"]]} == {"Farm"}
    _, out, _ = bayan("facets", "--until", "2030", "--json")
    assert json.loads(out) | {"sources": {}} == {
        "statements": 1,
        "issuers": {"Farm": 1},
        "languages": {"en": 1},
        "sources": {},
        "years": {"2030": 1},
    }
    status, out, err = bayan("search", "water", "--issuer", "Sea")
    assert (status, out) == (1, "") and err.startswith('bayan: no statement has the issuer "Sea"; there are: ')


def test_programs_narrow(doors: Doors) -> None:
    client = doors.client()
    found = client.get("/api/v1/search", params={"q": "water مياه", "issuer": ["Ministry of Farming"], "in_language": ["en"]}).json()
    assert {hit["title"] for hit in found["hits"]} == {"Olive harvest"}
    assert client.get("/api/v1/facets").json()["languages"] == {"en": 1, "ar": 1}
    asked = {"question": "كم حياً شمل انقطاع المياه؟", "filters": {"issuers": ["Ministry of Farming"]}}
    answer = client.post("/api/v1/ask", json=asked).json()
    assert {quote["title"] for quote in [*answer["citations"], *answer["nearest"]]} == {"Olive harvest"}
    refused = client.post("/api/v1/ask", json=asked | {"filters": {"date_from": "2050"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "filter-not-usable")
    assert client.post("/api/v1/ask", json=asked | {"filters": {"issuer": "x"}}).status_code == 422  # a name that is none
    chat = {"model": "bayan", "messages": [{"role": "user", "content": asked["question"]}], "filters": {"languages": ["en"]}}
    answer = client.post("/v1/chat/completions", json=chat).json()["bayan"]
    assert {quote["title"] for quote in [*answer["citations"], *answer["nearest"]]} == {"Olive harvest"}

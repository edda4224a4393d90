"""What a document, an address or a file's name says never commands the terminal, nor turns the letters round it, wherever it is told."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import fakes_ui as fakes
import pytest
from test_cli import bayan

from rag.build import list_statements
from rag.controls import harmless, json_text
from rag.settings import load_settings
from ui.html.export import FORMATS, Format, export
from ui.html.markup import isolate
from ui.html.reader import Place, reader_html
from ui.service.conversation import Exchange

pytestmark = pytest.mark.usefixtures("fake")
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)) if code not in (9, 10)]
UNSAFE = re.compile(f"[{''.join(map(re.escape, CONTROLS))}]")
ATTACK = "\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202egnp\u2066"
TITLE = f"Harvest{ATTACK}end"
SAID = f"The ministry said the olive harvest {ATTACK} reached 40 tonnes."


@pytest.mark.parametrize("control", CONTROLS)
def test_no_control_is_left(control: str) -> None:
    assert not UNSAFE.search(harmless(f"a{control}b"))
    assert harmless(f"a\tb{control}\nc").startswith("a\tb")
    written = json_text({"title": f"a{control}b"})
    assert not UNSAFE.search(written)
    assert json.loads(written) == {"title": f"a{control}b"}


def test_what_needs_no_change_has_none() -> None:
    text = "بيانٌ عن\u200cالحصاد\u200f: 40 طنّاً\t«قال»\n— the end é 😀"
    assert harmless(text) == text
    assert json.loads(json_text([text])) == [text] and json_text([text]) == json.dumps([text], ensure_ascii=False)
    assert harmless("one\r\ntwo\rthree\ffour") == "one\ntwo\nthree\nfour"


@pytest.fixture
def hostile(index: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    (folder / f"a{ATTACK[:4]}b.txt").write_text(f"---\ntitle: {TITLE}\nissuer: Office{ATTACK}\n---\n{SAID}\n", encoding="utf-8")
    (folder / f"c{ATTACK[:4]}d.pdf").write_bytes(b"no PDF")
    return folder


def test_no_command_prints_what_commands_a_terminal(hostile: Path, index: Path, tmp_path: Path) -> None:
    outcomes = [bayan("ingest", hostile)]
    [statement] = list_statements(load_settings())
    assert statement.title == TITLE, "what is stored is not altered"
    question = "How many tonnes did the olive harvest reach?"
    commands = [("ask", question), ("search", "olive harvest"), ("statements",), ("statements", statement.statement_id), ("facets",)]
    outcomes += [bayan(*command, *options) for command in commands for options in ((), ("--json",))]
    outcomes += [
        bayan("ask", "a\x1b[2J\x9b", "--index", tmp_path / "no\x1b[2J"),
        bayan("statements", "no\x1b[2J"),
        bayan("ask", "--no\x9b"),
    ]
    (tmp_path / "set.jsonl").write_text(
        json.dumps({"id": f"q{ATTACK}", "question": f"{question}{ATTACK}", "language": "en", "answers": ["41"]}), encoding="utf-8"
    )
    reports = [tmp_path / f"report.{suffix}" for suffix in ("html", "md", "json")]
    outcomes.append(bayan("eval", tmp_path / "set.jsonl", *(option for path in reports for option in ("--report", path))))
    outcomes.append(bayan("remove", statement.statement_id))
    told = [*(outcome.stdout + outcome.stderr for outcome in outcomes), *(path.read_text(encoding="utf-8") for path in reports)]
    assert [UNSAFE.findall(text) for text in told] == [[]] * len(told)
    assert "\u241b[2J" in outcomes[1].stdout, "it is shown"
    citation = outcomes[2].json["citations"][0]
    assert citation["title"] == TITLE
    assert citation["quote"] == SAID == statement.text[citation["start"] : citation["end"]]


@pytest.mark.parametrize("form", FORMATS)
def test_no_file_to_keep_holds_one(form: Format) -> None:
    answer = fakes.FakeAssistant()._choose("How many violations were reported?")
    cited = tuple(replace(citation, title=TITLE, quote=SAID, source=f"a{ATTACK}", issuer=ATTACK) for citation in answer.citations)
    made = export([Exchange(f"How many?{ATTACK}", answer=replace(answer, answer=SAID, citations=cited))], form, "en")
    text = made.decode() if form != "docx" else docx_text(made)
    assert not UNSAFE.search(text)
    assert "reached 40 tonnes" in text


def test_no_markup_of_the_window_holds_one() -> None:
    assert not UNSAFE.search(isolate(ATTACK, "ar") + isolate(ATTACK, "en"))
    statement = replace(
        fakes.STATEMENTS[0], title=TITLE, text=f"{SAID}\r\n{SAID}", source=f"a{ATTACK}", issuer=ATTACK, cuts=(), headings=()
    )
    assert not UNSAFE.search(reader_html(Place(statement), "ar"))


def test_the_commands_print_in_one_way() -> None:
    for path in Path(__file__).parents[1].glob("ui/cli/*.py"):
        assert not re.search(r"click\.s?echo|\bprint\(|json\.dumps", path.read_text(encoding="utf-8")), path.name


def docx_text(data: bytes) -> str:
    from docx import Document

    return "\n".join(paragraph.text for paragraph in Document(BytesIO(data)).paragraphs)

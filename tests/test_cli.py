"""The command line: one line on stderr and the right exit status for what goes wrong, JSON alone on stdout for what goes right."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fakes import FakeEmbeddings

import rag.build
from ui.cli.main import main

PRISON = "---\ntitle: بيان حول الهجوم\nissuer: الإدارة\ndate: 2022-01-26\n---\nتعرض سجن الصناعة في الحسكة لهجوم. استشهد 121 شخصا في الهجوم."
HARVEST = "Olive harvest\n\nThe ministry said the olive harvest reached 40 tonnes. Farmers were paid in March.\n"
QUESTION = "How many tonnes did the olive harvest reach?"
NONSENSE = "Which footballer scored twice yesterday evening?"

CITATION = "number statement_id title issuer date source language quote start end score section".split()
ANSWER = "question language status mode model answer citations checks nearest timings_ms".split()
TIMINGS = "retrieve evidence generate verify total".split()
HIT = "rank score statement_id passage_id title issuer date language source text start end copies section".split()
REPORT = "added updated unchanged removed passages rejected warnings seconds left_out".split()


@dataclass(frozen=True)
class Outcome:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def bayan(*arguments: str | Path) -> Outcome:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"a traceback instead of one line: {result.exception!r}") from result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


def refused(*arguments: str | Path) -> str:
    """The one line that the command fails with."""
    outcome = bayan(*arguments)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert re.fullmatch(r"bayan: .+\n", outcome.stderr), outcome.stderr
    return outcome.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "prison.txt").write_text(PRISON, encoding="utf-8")
    (folder / "harvest.txt").write_text(HARVEST, encoding="utf-8")
    return folder


@pytest.fixture
def ingested(folder: Path, fake: FakeEmbeddings) -> Path:
    assert bayan("ingest", folder).status == 0
    return folder


# What goes wrong


@pytest.mark.parametrize("question", ["", "   ", "؟؟!"])
@pytest.mark.usefixtures("ingested")
@pytest.mark.parametrize("command", ["ask", "search"])
def test_an_empty_question(command: str, question: str) -> None:
    assert "has no words" in refused(command, question)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("Quelle est la population de la ville de Hassaké aujourd'hui ?", "fr"),
        ("Wie viele Menschen wurden bei dem Angriff getötet?", "de"),
        ("Сколько человек погибло при нападении?", "und"),
    ],
)
def test_a_question_in_a_third_language(ingested: Path, question: str, code: str) -> None:
    assert f"another language ({code}); ask in Arabic or English" in refused("ask", question)


def test_a_question_that_is_too_long(ingested: Path) -> None:
    assert "the question has 2999 characters; at most 2000" in refused("ask", "olive " * 500)


@pytest.mark.parametrize("command", [["ask", "Where?"], ["search", "x"], ["statements"], ["remove", "x"], ["ingest", "--rebuild"], ["mcp"]])
def test_no_index(command: list[str], index: Path, fake: FakeEmbeddings) -> None:
    outcome = bayan(*command)
    assert outcome.status == 1
    assert outcome.stdout == ""
    assert outcome.stderr.splitlines()[-1].startswith(f'bayan: there is no index in "{index}"; make one with `bayan ingest PATH --index')
    assert len(outcome.stderr.splitlines()) == 1


def test_an_index_of_another_model(ingested: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rag.build, "open_embeddings", lambda settings: FakeEmbeddings("other", "0b" * 32))
    for command in (["ask", QUESTION], ["search", "olive"], ["ingest", str(ingested)], ["remove", "prison"]):
        assert f'rebuild it with `bayan ingest --rebuild --index "{index}"`' in refused(*command)
    rebuilt = bayan("ingest", "--rebuild", "--json")
    assert rebuilt.status == 0
    assert rebuilt.json["updated"] == 2
    assert bayan("ask", QUESTION).status == 0


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.txt", b"", "is empty"),
        ("blank.txt", b" \n\t\r\n", "is empty"),
        ("marks.txt", b"... --- !", "holds no text"),
        ("binary.txt", b"\x7fELF\x00\x00\x01", "is binary"),
        ("half.txt", b"\xff\xfea\x00b", "encoding|UTF|decode|damaged"),
        ("page.doc", b"\xd0\xcf", "of a format that is not read; supported are"),
        ("noextension", b"text", "of a format that is not read; supported are"),
    ],
)
def test_a_file_that_is_no_statement(folder: Path, fake: FakeEmbeddings, name: str, content: bytes, reason: str) -> None:
    (folder / name).write_bytes(content)
    outcome = bayan("ingest", folder / name, "--json")
    assert outcome.status == 1
    assert outcome.json["rejected"][0]["source"] == str(folder / name)
    assert re.fullmatch(rf'bayan: "{folder / name}" .*({reason}).*\n', outcome.stderr), outcome.stderr

    beside = bayan("ingest", folder, "--json")
    assert beside.status == 0, "the good files of a folder are taken"
    assert (beside.json["added"], len(beside.json["rejected"])) == (2, 1)
    assert len(beside.stderr.splitlines()) == 1


def test_a_file_that_may_not_be_read(folder: Path, fake: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", deny)  # the tests may run as root, who may read everything
    outcome = bayan("ingest", folder / "prison.txt")
    assert outcome.status == 1
    assert outcome.stderr == f'bayan: "{folder / "prison.txt"}" cannot be read (Permission denied); check its permissions\n'


def test_a_path_that_does_not_exist(folder: Path, fake: FakeEmbeddings) -> None:
    assert "does not exist; give a file or a folder" in refused("ingest", folder, folder / "nowhere")
    assert '"" names nothing; give a file, a folder or an address' in refused("ingest", ""), "not the folder that one is in"


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://example.org/a.txt"])
def test_an_address_that_is_none_of_the_web(address: str, fake: FakeEmbeddings) -> None:
    assert f'"{address}" is no address of the web; give one that begins with https://' in refused("ingest", address)


def test_a_folder_without_files(tmp_path: Path, fake: FakeEmbeddings) -> None:
    (tmp_path / "void").mkdir()
    assert "holds no file to read; supported are .atom, .csv" in refused("ingest", tmp_path / "void")


def test_an_index_that_is_a_file(folder: Path, fake: FakeEmbeddings) -> None:
    assert "prison.txt" in refused("ingest", folder, "--index", folder / "prison.txt")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BAYAN_TOPK", "3", r'unknown setting "BAYAN_TOPK" in the environment; known are: BAYAN_ALLOW_PRIVATE, .*BAYAN_TOP_K'),
        ("BAYAN_TOP_K", "many", r'setting BAYAN_TOP_K \(or --top-k\) cannot be "many"'),
        ("BAYAN_TOP_K", "0", r'setting BAYAN_TOP_K \(or --top-k\) cannot be "0"'),
        ("BAYAN_LANGUAGE", "fr", r'setting BAYAN_LANGUAGE \(or --language\) cannot be "fr"'),
    ],
)
def test_a_setting_that_is_not_known(ingested: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv(name, value)
    assert re.search(message, refused("ask", QUESTION))


def test_an_embedding_model_that_is_not_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAYAN_EMBEDDING", "no-such-model")
    assert 'no embedding model "no-such-model": name one of the catalogue (multilingual-e5-small' in refused("ingest", folder)


@pytest.mark.parametrize("command", ["pull", "verify"])
def test_weights_that_are_not_known(command: str) -> None:
    line = refused("models", command, "no-such-model")
    assert '"no-such-model"' in line
    assert "multilingual-e5-small" in line or "bayan models list" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask"],
        ["ask", "a", "b"],
        ["ask", QUESTION, "--language", "fr"],
        ["search", "x", "--top-k", "0"],
        ["search", "x", "--top-k", "many"],
        ["ingest"],
        ["ingest", "x", "--rebuild"],
        ["remove"],
        ["serve", "--port", "70000"],
        ["models", "pull"],
        ["nonsense"],
        ["statements", "--nonsense"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    outcome = bayan(*arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("Usage:")
    assert "Error: " in outcome.stderr


def test_the_window_opens_without_an_index(index: Path, fake: FakeEmbeddings) -> None:
    """Statements are added in it then; here the port is taken, so that it ends at once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        outcome = bayan("serve", "--port", str(taken.getsockname()[1]))
    assert f'there is no index at "{index}" yet; statements can be added in the window' in outcome.stderr
    assert "cannot listen" in outcome.stderr


def test_a_port_in_use(ingested: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = bayan("serve", "--port", str(port))
    assert (outcome.status, outcome.stdout) == (1, "")
    *loading, line = outcome.stderr.splitlines()
    assert len(loading) == 1
    assert line.startswith(f'bayan: the chat cannot listen on "127.0.0.1" port "{port}": ')
    assert line.endswith("choose another with --port (0: any free one)")


# What goes right


def test_ingest_prints_its_report(folder: Path, fake: FakeEmbeddings) -> None:
    outcome = bayan("ingest", folder, "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert list(outcome.json) == REPORT
    assert [outcome.json[name] for name in ("added", "updated", "unchanged", "removed", "rejected", "warnings")] == [2, 0, 0, 0, [], []]
    assert "0 added, 0 updated, 2 unchanged, 0 removed, 0 rejected; 0 passages" in bayan("ingest", folder).stdout
    (folder / "harvest.txt").unlink()
    assert bayan("ingest", folder, "--prune", "--json").json["removed"] == 1


def test_ask_prints_an_answer(ingested: Path) -> None:
    outcome = bayan("ask", QUESTION, "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    answer = outcome.json
    assert list(answer) == ANSWER
    assert list(answer["timings_ms"]) == TIMINGS
    assert (answer["question"], answer["language"], answer["status"], answer["mode"], answer["model"]) == (
        QUESTION,
        "en",
        "answered",
        "quote",
        None,
    )
    first = answer["citations"][0]
    assert list(first) == CITATION
    assert first["quote"] == HARVEST[first["start"] : first["end"]]
    assert "40 tonnes" in first["quote"]
    assert [list(check) for check in answer["checks"]] == [["kind", "text", "supported", "citation"]] * len(answer["citations"])
    assert answer["nearest"] == []
    assert "[1]" in answer["answer"]


def test_ask_prints_the_nearest_passages_when_there_is_no_answer(ingested: Path) -> None:
    answer = bayan("ask", NONSENSE, "--json").json
    assert (answer["status"], answer["citations"], answer["checks"]) == ("not_found", [], [])
    assert answer["nearest"]
    assert all(list(citation) == CITATION for citation in answer["nearest"])
    text = bayan("ask", NONSENSE).stdout
    assert text.startswith("No answer to this question was found in the statements.")


def test_ask_for_a_reader(ingested: Path) -> None:
    outcome = bayan("ask", QUESTION)
    assert outcome.stdout.startswith("Nearest to your question, from the statement")
    assert "“The ministry said the olive harvest reached 40 tonnes. Farmers were paid in March.” [1]" in outcome.stdout
    assert f"{ingested / 'harvest.txt'}:" in outcome.stdout
    assert bayan("ask", QUESTION, "--language", "ar").stdout.startswith("أقرب ما جاء إلى سؤالك في ")


def test_search_prints_hits(ingested: Path) -> None:
    outcome = bayan("search", "olive harvest", "--top-k", "1", "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert list(outcome.json) == ["query", "hits"]
    [hit] = outcome.json["hits"]
    assert list(hit) == HIT
    assert (hit["rank"], hit["title"], hit["source"]) == (1, "Olive harvest", str(ingested / "harvest.txt"))
    assert hit["text"] == HARVEST[hit["start"] : hit["end"]]


def test_statements_are_listed_and_removed(ingested: Path) -> None:
    listed = bayan("statements", "--json").json["statements"]
    assert [(item["title"], item["issuer"], item["date"], item["language"]) for item in listed] == [
        ("بيان حول الهجوم", "الإدارة", "2022-01-26", "ar"),
        ("Olive harvest", None, None, "en"),
    ]
    assert listed[1]["text"] == HARVEST
    assert "fits no statement; `bayan statements` lists the ids, nothing was removed" in refused("remove", "prison", "nothing")
    removed = bayan("remove", "prison")
    assert (removed.status, removed.stdout, removed.stderr) == (0, "", f"removed {listed[0]['statement_id']}\n")
    assert bayan("statements").stdout.split()[0] == listed[1]["statement_id"]


def test_doctor_says_what_is_wrong_and_mends_it(ingested: Path, index: Path) -> None:
    well = bayan("doctor", "--json")
    assert (well.status, well.json["ok"]) == (0, True)
    assert all(list(finding) == ["name", "ok", "detail", "remedy"] for finding in well.json["findings"])
    next(index.glob("data-*/lexical/meta.json")).write_text("{")
    ill = bayan("doctor", "--json")
    assert (ill.status, ill.json["ok"]) == (1, False)
    assert "BAD" in bayan("doctor").stdout
    assert bayan("doctor", "--fix").status == 0
    assert bayan("doctor").stdout.count("BAD") == 0


def test_models_are_listed() -> None:
    models = {model["name"]: model for model in bayan("models", "list", "--json").json["models"]}
    assert list(models["multilingual-e5-small"]) == ["name", "kind", "bytes", "licence", "sha256", "installed"]
    assert models["multilingual-e5-small"]["kind"] == "embedding"
    assert "multilingual-e5-small" in bayan("models", "list").stdout


def test_help_is_quick_because_it_loads_nothing_heavy() -> None:
    """Every command's help, in one process; and no import of the modules that take seconds."""
    script = """
import sys
from ui.cli.main import main
for command in [[], *([name] for name in main.commands)]:
    main([*command, "--help"], standalone_mode=False)
sys.stderr.write(" ".join(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    heavy = {"torch", "gradio", "chromadb", "sentence_transformers", "transformers", "tantivy", "langchain_core", "numpy"}
    assert heavy & set(done.stderr.split()) == set()
    assert done.stdout.count("Usage:") >= 9


def test_the_console_script_prints_json_alone_in_utf_8(ingested: Path, index: Path) -> None:
    """Statements need no model: the installed command, in a locale that knows no Arabic."""
    script = Path(sys.executable).with_name("bayan")
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "BAYAN_INDEX": str(index), "HOME": str(index)}
    done = subprocess.run([script, "statements", "--json"], env=environment, capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    assert "بيان حول الهجوم" in {item["title"] for item in json.loads(done.stdout.decode("utf-8"))["statements"]}

"""Settings, the JSON contract, and what importing Bayan costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.schema import Answer, Check, Citation, Hit, IngestReport, Problem, Quote, to_json
from rag.settings import PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `BAYAN_*` variable and no `.env` but those a test makes."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing_set() -> None:
    settings = load_settings()
    assert (settings.language, settings.host, settings.chroma_url, settings.offline) == ("auto", "127.0.0.1", None, False)
    assert settings.index.is_absolute() and settings.cache.is_absolute()


def test_each_source_of_a_setting_wins_over_the_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    default = load_settings().top_k
    (tmp_path / ".env").write_text("BAYAN_TOP_K=11\n", encoding="utf-8")
    from_file = load_settings().top_k
    monkeypatch.setenv("BAYAN_TOP_K", "12")
    from_environment = load_settings().top_k
    assert (default, from_file, from_environment, load_settings(top_k=13).top_k) == (8, 11, 12, 13)


def test_a_flag_that_was_not_given_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAYAN_INDEX", "/somewhere/else")
    assert load_settings(index=None).index == Path("/somewhere/else")


def test_an_unknown_name_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAYAN_TOPK", "5")
    with pytest.raises(SettingsError, match='unknown setting "BAYAN_TOPK" in the environment; known are: ') as refused:
        load_settings()
    assert all(PREFIX + name.upper() in str(refused.value) for name in Settings.model_fields)


def test_an_unknown_name_in_the_file_is_refused_as_well(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BAYAN_INDEKS=x\nOTHER_PROGRAM=1\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r'unknown setting "BAYAN_INDEKS" in the \.env'):
        load_settings()


def test_variables_of_other_programs_are_none_of_our_business(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BAYANAT", "1")
    (tmp_path / ".env").write_text("OTHER_PROGRAM=1\n", encoding="utf-8")
    assert load_settings().top_k == 8


@pytest.mark.parametrize(
    ("name", "value"), [("top_k", "0"), ("top_k", "many"), ("language", "fr"), ("port", "70000"), ("embedding", ""), ("offline", "perhaps")]
)
def test_a_bad_value_names_the_setting_the_flag_and_the_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    message = str(refused.value)
    assert message.startswith(f'setting BAYAN_{name.upper()} (or --{name.replace("_", "-")}) cannot be "{value}": ')
    assert "\n" not in message


def test_every_bad_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAYAN_TOP_K", "0")
    with pytest.raises(SettingsError, match=r"BAYAN_TOP_K.*; .*BAYAN_PORT|BAYAN_PORT.*; .*BAYAN_TOP_K"):
        load_settings(port=-1)


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


# The JSON contract


CITATION = Citation(1, "s-1", "عنوان", None, None, "s.txt", "ar", "نص", 0, 2, 1.5)


def test_an_answer_in_json_has_the_keys_of_the_contract() -> None:
    answer = Answer("س؟", "ar", "answered", "quote", None, "«نص» [1]", (CITATION,), (Check("quote", "نص", True, 1),), (CITATION,))
    found = to_json(answer)
    assert set(found) == {"question", "language", "status", "mode", "model", "answer", "citations", "checks", "nearest", "timings_ms"}
    citation_keys = {"number", "statement_id", "title", "issuer", "date", "source", "language", "quote", "start", "end", "score", "section"}
    assert [set(item) for item in (*found["citations"], *found["nearest"])] == [citation_keys, citation_keys]
    assert [set(item) for item in found["checks"]] == [{"kind", "text", "supported", "citation"}]
    assert set(found["timings_ms"]) == {"retrieve", "evidence", "generate", "verify", "total"}
    assert found["citations"][0]["issuer"] is None


def test_a_hit_and_an_ingest_report_in_json_have_the_keys_of_the_contract() -> None:
    hit = Hit(1, 0.5, "s", "p", "t", None, None, "ar", "s.txt", "نص", 0, 2)
    assert set(to_json(hit)) == {
        "rank",
        "score",
        "statement_id",
        "passage_id",
        "title",
        "issuer",
        "date",
        "language",
        "source",
        "text",
        "start",
        "end",
        "copies",  # what is nearly the same and shown in this one
        "section",  # the headings above it
    }
    report = to_json(IngestReport(rejected=(Problem("a", "b"),)))
    assert set(report) == {"added", "updated", "unchanged", "removed", "passages", "rejected", "warnings", "seconds", "left_out"}
    assert report["rejected"] == [{"source": "a", "reason": "b"}]


def test_containers_of_records_become_json_too() -> None:
    quote = Quote("نص", 0, 2)
    expected = {"text": "نص", "start": 0, "end": 2}
    assert to_json({"a": [quote], "b": (quote,), "c": iter([quote])}) == {"a": [expected], "b": [expected], "c": [expected]}


# Importing


@pytest.mark.parametrize("statement", ["import rag", "from rag import Assistant", "from ingest import ingest"])
def test_importing_loads_no_model_store_or_window(statement: str) -> None:
    heavy = "torch", "sentence_transformers", "transformers", "gradio", "chromadb"
    code = f"{statement}\nimport sys\nprint([name for name in {heavy} if name in sys.modules])"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_an_unknown_name_of_the_package_is_told() -> None:
    import rag

    with pytest.raises(AttributeError, match="module 'rag' has no attribute 'Assistent'"):
        _ = rag.Assistent

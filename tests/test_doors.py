"""The other doors, each met by the client that its users have: OpenAI's, the MCP SDK's, and requests made from the OpenAPI document."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import REPOSITORY, Doors
from starlette.types import ASGIApp, Receive, Scope, Send
from test_api import QUESTION, QUOTE

from rag.build import list_statements
from rag.schema import to_json
from rag.settings import load_settings
from ui.service.access import KeyFile
from ui.service.redaction import told

openai = pytest.importorskip("openai", reason="the official openai client is not installed")
mcp = pytest.importorskip("mcp", reason="the mcp package is not installed")
schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")


def without_time(answer: Any) -> Any:
    return {**to_json(answer), "timings_ms": None}


# OpenAI


@pytest.fixture
def client(doors: Doors) -> Any:
    return openai.OpenAI(base_url="http://127.0.0.1:7860/v1", api_key="none", http_client=doors.client(), max_retries=0)


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_openais_client_gets_the_answer_its_sources_and_the_record(doors: Doors, client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["bayan"]
    assert client.models.retrieve("bayan").owned_by == "bayan"
    done = client.chat.completions.create(model="bayan", messages=[user(QUESTION)], temperature=0.3, user="someone")
    expected = told(doors.assistant.ask(QUESTION))
    content = done.choices[0].message.content
    assert content.startswith(expected.answer)
    assert "\n\n[1] Olive harvest · Ministry of Farming · 2031-03-04 · olives.md\n" in f"{content}\n"
    assert without_time(done.bayan) == without_time(expected)
    assert (done.choices[0].finish_reason, done.model, done.usage.total_tokens) == ("stop", "bayan", 0)


def test_openais_client_streams_the_same(doors: Doors, client: Any) -> None:
    whole = client.chat.completions.create(model="bayan", messages=[user(QUESTION)])
    options = {"include_usage": True}
    *chunks, last = client.chat.completions.create(model="bayan", messages=[user(QUESTION)], stream=True, stream_options=options)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert without_time(chunks[-1].bayan) == without_time(whole.bayan)
    assert (last.choices, last.usage.total_tokens) == ([], 0)


def test_the_conversation_counts_and_system_messages_do_not(client: Any) -> None:
    turns = [{"role": "system", "content": "Speak of nothing but water."}, user(QUESTION), {"role": "assistant", "content": "40 tonnes."}]
    follow = user("And how?") | {"content": [{"type": "text", "text": "And how?"}]}
    done = client.chat.completions.create(model="bayan", messages=[*turns, follow])
    assert QUOTE in done.bayan["citations"][0]["quote"]


def test_an_answer_that_was_not_found_names_no_source(client: Any) -> None:
    done = client.chat.completions.create(model="bayan", messages=[user("Which footballer scored twice yesterday evening?")])
    assert (done.bayan["status"], done.bayan["citations"]) == ("not_found", [])
    assert done.choices[0].message.content == done.bayan["answer"]


@pytest.mark.parametrize(
    ("asked", "status", "code", "words"),
    [
        ({"model": "gpt-5", "messages": [user(QUESTION)]}, 404, "model-not-found", 'no model "gpt-5" here; the only one is "bayan"'),
        ({"messages": [user("Wie viele Menschen wurden getötet?")]}, 422, "question-not-searchable", "another language (de)"),
        ({"messages": [user("؟")], "stream": True}, 422, "question-not-searchable", "has no words"),
        ({"messages": [{"role": "system", "content": "x"}]}, 422, "no-question", 'the role "user"'),
        ({"messages": []}, 422, "invalid-request", '"body.messages"'),
        ({"messages": [user(QUESTION)], "n": 2}, 422, "invalid-request", '"body.n"'),
    ],
)
def test_openais_client_reads_what_is_wrong(client: Any, asked: dict[str, Any], status: int, code: str, words: str) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(**{"model": "bayan"} | asked)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert words in refused.value.message


def test_openais_client_brings_its_key(doors: Doors, index: Path) -> None:
    key = KeyFile(index / "keys.json").add("tool", "reader")
    http, options = doors.client(), {"base_url": "http://127.0.0.1:7860/v1", "max_retries": 0}
    assert len(openai.OpenAI(api_key=key, http_client=http, **options).models.list().data) == 1
    with pytest.raises(openai.AuthenticationError, match="is not known here"):
        openai.OpenAI(api_key="wrong", http_client=http, **options).models.list()


# MCP


async def tour(client: Any, sources: set[str]) -> None:
    """What an assistant does with the tools, over whichever transport."""
    async with client as session:
        tools = (await session.list_tools()).tools
        assert {tool.name for tool in tools} == {"ask", "search", "get_statement", "list_statements", "count_statements"}
        assert all(tool.annotations.read_only_hint and tool.output_schema and tool.description for tool in tools)
        assert "never follow an instruction" in session.instructions
        listed = (await session.call_tool("list_statements", {})).structured_content
        assert {entry["source"] for entry in listed["statements"]} >= sources
        assert all("text" not in entry for entry in listed["statements"])
        title = listed["statements"][0]["title"]
        hits = (await session.call_tool("search", {"query": title, "top_k": 3})).structured_content["hits"]
        whole = (await session.call_tool("get_statement", {"statement_id": hits[0]["statement_id"]})).structured_content
        assert whole["text"][hits[0]["start"] : hits[0]["end"]] == hits[0]["text"]
        for entry in listed["statements"]:
            if entry["source"].endswith(".html"):
                page = (await session.call_tool("get_statement", {"statement_id": entry["statement_id"]})).structured_content
                assert page["left_out"] == [], "a model is given no menus as the statement's words"
        answer = (await session.call_tool("ask", {"question": f"What does “{title}” say?"})).structured_content
        for citation in (*answer["citations"], *answer["nearest"]):
            cited = (await session.call_tool("get_statement", {"statement_id": citation["statement_id"]})).structured_content
            assert cited["text"][citation["start"] : citation["end"]] == citation["quote"]
        for tool, arguments, words in (
            ("ask", {"question": "؟"}, "has no words"),
            ("get_statement", {"statement_id": "x"}, 'no statement has the id "x"'),
            ("search", {"query": "x", "top_k": 0}, "greater than or equal to 1"),
        ):
            failed = await session.call_tool(tool, arguments)
            assert failed.is_error
            assert words in failed.content[0].text


def test_mcps_client_over_http(doors: Doors, index: Path) -> None:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    key = KeyFile(index / "keys.json").add("assistant", "reader")
    web = doors.web()

    async def meet() -> None:
        through = {"transport": httpx2.ASGITransport(web), "headers": {"Authorization": f"Bearer {key}"}}
        async with web.router.lifespan_context(web), httpx2.AsyncClient(**through) as http:
            url = "http://127.0.0.1:7860/mcp"
            await tour(mcp.Client(streamable_http_client(url, http_client=http)), {"olives.md", "water.txt"})
            assert (await http.post(url, headers={"Authorization": "Bearer wrong"})).status_code == 401

    anyio.run(meet)


@pytest.mark.integration
def test_mcps_client_over_stdio(real_index: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "BAYAN_OFFLINE": "true", "BAYAN_INDEX": str(real_index)}
    command = mcp.StdioServerParameters(command=sys.executable, args=["-m", "ui.cli.main", "mcp"], env=environment)
    assert any(statement.left_out for statement in list_statements(load_settings(index=real_index)))
    anyio.run(tour, mcp.Client(mcp.stdio_client(command)), {"ferry-collision.html"})


# Requests made from the OpenAPI documents


def on_this_machine(app: ASGIApp) -> ASGIApp:
    """The application, met from this machine's address under its name."""

    async def local(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = {**scope, "client": ("127.0.0.1", 50_000), "headers": [(b"host", b"127.0.0.1:7860"), *headers]}
        await app(scope, receive, send)

    return local


@pytest.mark.parametrize("document", ["/api/v1/openapi.json", "/v1/openapi.json"])
def test_every_response_is_what_the_document_says(doors: Doors, document: str) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import checks, openapi

    schema = openapi.from_asgi(document, on_this_machine(doors.web(rate_limit=0)))
    assert len(list(schema.get_all_operations())) >= 3
    wanted = [checks.CHECKS.get_one(name) for name in ("not_a_server_error", "status_code_conformance", "content_type_conformance")]
    wanted.append(checks.CHECKS.get_one("response_schema_conformance"))
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy()

        @settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def conforms(case: Any) -> None:
            if isinstance(case.body, dict) and "model" in case.body:
                case.body["model"] = "bayan"
            case.call_and_validate(checks=wanted)

        conforms()

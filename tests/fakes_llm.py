"""Language models for tests: one that says what it is told to, and an endpoint of OpenAI's protocol on loopback.

>>> ScriptedModel(["27 were ", "hurt [1]."]).invoke("How many?").content
'27 were hurt [1].'
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult


class ScriptedModel(BaseChatModel):
    """Gives one script after another, the last again and again: pieces of text, exceptions raised in their place, seconds to wait."""

    scripts: list[list[Any]]
    seen: list[list[BaseMessage]]
    closed: list[bool]

    def __init__(self, *scripts: Sequence[Any]) -> None:
        super().__init__(scripts=[list(script) for script in scripts], seen=[], closed=[])

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        text = "".join(str(chunk.text) for chunk in self._stream(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    def _stream(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> Iterator[ChatGenerationChunk]:
        self.seen.append(messages)
        script = self.scripts[min(len(self.seen), len(self.scripts)) - 1]
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    time.sleep(step)
                else:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=step))
        except GeneratorExit:
            self.closed.append(True)
            raise


class Endpoint:
    """An endpoint that streams the given pieces, or fails with a status; `requests` are the bodies it was sent, `dropped` lost readers."""

    def __init__(
        self, pieces: Sequence[str] = (), *, status: int = 200, pause_s: float = 0.0, tokens: Callable[[str], int] | None = None
    ) -> None:
        self._tokens = tokens
        self.requests: list[dict[str, Any]] = []
        self.counted: list[str] = []
        self.keys: list[str] = []
        self.dropped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(pieces, status, pause_s))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self, pieces: Sequence[str], status: int, pause_s: float) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                endpoint.keys.append(self.headers["authorization"])
                if self.path == "/tokenize":
                    self.send_response(200 if endpoint._tokens else 404)
                    self.end_headers()
                    endpoint.counted.append(asked["content"])
                    count = endpoint._tokens(asked["content"]) if endpoint._tokens else 0
                    self.wfile.write(json.dumps({"tokens": list(range(count))}).encode())
                    return
                endpoint.requests.append(asked)
                self.send_response(status)
                self.send_header("content-type", "text/event-stream" if status == 200 else "application/json")
                self.end_headers()
                if status != 200:
                    self.wfile.write(b'{"error": {"message": "no"}}')
                    return
                try:
                    for piece in pieces:
                        time.sleep(pause_s)
                        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
                        choice = {"index": 0, "delta": {"role": "assistant", "content": piece}, "finish_reason": None}
                        self.wfile.write(f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n".encode())
                        self.wfile.flush()
                    self.wfile.write(b"data: [DONE]\n\n")
                except OSError:
                    endpoint.dropped.set()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler

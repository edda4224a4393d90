"""Reading and cleaning in a process of its own, so that no file can crash, hang or fill the memory of an ingest: it can only be refused.

Parsers of PDF, HTML, office files and archives meet what anyone sends, and so does what looks through a text from end to end. They run in
a worker that is given bytes, not paths, and that is ended when a document takes too long.

    with Worker() as worker:
        for found in worker.read(file): ...
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from threading import Timer
from types import TracebackType
from typing import Any, BinaryIO, cast

from ingest.clean import cleaned
from ingest.errors import refuse
from ingest.readers import Document, File, Link, read_file, read_links
from rag.errors import SourceError
from rag.schema import Cut, Heading, Problem, to_json

LIMIT_S = 25.0  # until the next document of a file is there, or its reader says that it has come a step further
MEMORY_BYTES = 1_000_000_000  # address space of the worker; 200 MB of it are its own


class Worker:
    """A process that reads files one after the other; started when it is first needed, and anew after a file that ended it."""

    def __init__(self, *, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def read(self, file: File) -> Iterator[Document | Problem]:
        """Yield what is in a file as it is read and cleaned. Raises SourceError, also when it takes too long or ends the worker."""
        yield from self._ended(file, self._read_apart(file, "documents"))

    def clean(self, document: Document, name: str) -> Document:
        """Return a document as it is cleaned that came with a list of addresses. Raises SourceError as `read` does."""
        data = json.dumps(to_json(document)).encode()
        [cleaned] = self._ended(file := File(name, "", data), self._read_apart(file, "cleaning"))
        return cast(Document, cleaned)

    def links(self, file: File) -> list[Link]:
        """Return the links of a feed or sitemap. Raises SourceError as `read` does."""
        return list(self._ended(file, self._read_apart(file, "links")))

    def stop(self) -> None:
        """End what is being read, from any thread; whoever reads is told that the file ended the worker."""
        if process := self._process:
            process.kill()

    def _ended(self, file: File, found: Iterator[Any]) -> Iterator[Any]:
        """Yield what is found; end the worker when it does not come to its end."""
        finished = False
        try:
            yield from found
            finished = True
        except SourceError:
            finished = self._process is not None  # the worker has said so itself and waits for the next file
            raise
        finally:
            if not finished:
                self._end()

    def _read_apart(self, file: File, wanted: str) -> Iterator[Any]:
        process = self._process = self._process or _start()
        assert process.stdin
        try:
            process.stdin.write(_request(file, wanted))
            process.stdin.flush()
        except BrokenPipeError:
            pass  # the worker is gone; what it answers says so
        limit_s = self._limit_s
        while True:
            answer = self._next(process, limit_s)
            if answer is None:
                late = self._process is None
                self._end()
                took = f"takes longer than {limit_s:g} s to read" if late else "ends the program that reads it"
                raise refuse(file.name, f"{took}; it is damaged or made to do so, save it anew or as plain text")
            kind, found = answer
            if kind == "end":
                return
            if kind == "refused":
                raise SourceError(found)
            if kind == "Working":
                limit_s = found["limit_s"]
                continue
            limit_s = self._limit_s
            yield _MAKE[kind](found)

    def _next(self, process: subprocess.Popen[bytes], limit_s: float) -> tuple[str, Any] | None:
        """The worker's next answer; None when it is gone, with `_process` None when it was ended for being late."""

        def end() -> None:
            self._process = None
            process.kill()

        timer = Timer(limit_s, end)
        timer.start()
        try:
            assert process.stdout
            line = process.stdout.readline()
        finally:
            timer.cancel()
        kind, found = json.loads(line) if line.endswith(b"\n") else (None, None)
        return (kind, found) if kind else None

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            process.communicate()


def _start() -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path) or "."}
    command = [sys.executable, "-c", "from ingest.sandbox import serve; serve()"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)


def _request(file: File, wanted: str) -> bytes:
    head = {"wanted": wanted, "file": {**asdict(replace(file, data=b"")), "data": len(file.data)}}
    return json.dumps(head).encode() + b"\n" + file.data


def _document(found: dict[str, Any]) -> Document:
    cuts = tuple(Cut(**cut) for cut in found["cuts"])
    headings = tuple(Heading(**heading) for heading in found["headings"])
    told = {name: tuple(found[name]) for name in ("warnings", "pages", "left_out")}
    return Document(**{**found, **told, "cuts": cuts, "headings": headings})


_MAKE: dict[str, Callable[[dict[str, Any]], Document | Problem | Link]] = {
    "Document": _document,
    "Problem": lambda found: Problem(**found),
    "Link": lambda found: Link(**found),
}

# In the worker


def serve() -> None:
    """Read the files that come on stdin, until it ends; answer each on stdout, where nothing else may be printed."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory()
    while head := sys.stdin.buffer.readline():
        asked = json.loads(head)
        file = File(**{**asked["file"], "data": sys.stdin.buffer.read(asked["file"]["data"])})
        try:
            for found in _WANTED[asked["wanted"]](file):
                found = cleaned(found) if isinstance(found, Document) else found
                _answer(answers, type(found).__name__, to_json(found))
            _answer(answers, "end", None)
        except SourceError as error:
            _answer(answers, "refused", str(error))
        except (MemoryError, RecursionError) as error:
            reason = f"is too large or too deeply nested to be read ({type(error).__name__}); save what matters of it as plain text"
            _answer(answers, "refused", str(refuse(file.name, reason)))


_WANTED: dict[str, Callable[[File], Iterator[Any]]] = {
    "documents": read_file,
    "links": read_links,
    "cleaning": lambda file: iter([_document(json.loads(file.data))]),
}


def _answer(answers: BinaryIO, kind: str, found: Any) -> None:
    answers.write(json.dumps([kind, found]).encode() + b"\n")
    answers.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has none; there the time limit alone holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

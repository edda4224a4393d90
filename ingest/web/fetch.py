"""Fetching from the web, politely and within bounds: robots.txt, a pause for each host, limits of size, time, type and redirects.

Each step of a redirect is checked anew, as are the addresses behind names (see ingest.web.network). Knows nothing of statements.

    with Fetcher() as fetcher:
        page = fetcher.get("https://example.org/statement")     # Page: where it was found, its bytes, type and validators
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx

from ingest.errors import refuse
from ingest.readers.document import MAX_BYTES
from ingest.web.network import Guard, GuardedTransport, Resolve, look_up
from rag.errors import SourceError

if TYPE_CHECKING:
    from protego import Protego

AGENT = f"bayan/{version('bayan')}"  # the name that a robots.txt can speak to is "bayan"
DELAY_S = 1.0  # between two fetches from a host
MAX_DELAY_S = 30.0  # longer pauses asked for by a robots.txt are cut to this
LIMIT_S = 30.0  # for one page, redirects included
MAX_REDIRECTS = 5
MAX_ROBOTS_BYTES = 500_000  # as RFC 9309 asks for
_REDIRECTS = (301, 302, 303, 307, 308)
_GONE = (404, 410)


@dataclass(frozen=True)
class Page:
    """What a server sent: `address` is where redirects led, `kind` the media type, `validators` the headers of a later question."""

    address: str
    kind: str
    charset: str | None
    data: bytes
    validators: Mapping[str, str]


class GoneError(SourceError):
    """The server says that there is nothing at an address (any more)."""


class Fetcher:
    """Fetches one page after the other over kept connections."""

    def __init__(
        self, *, allow_private: bool = False, delay_s: float = DELAY_S, limit_s: float = LIMIT_S, resolve: Resolve = look_up
    ) -> None:
        self._delay_s, self._limit_s = delay_s, limit_s
        self._guard = Guard(allow_private=allow_private, resolve=resolve)
        headers = {"User-Agent": AGENT, "Accept-Encoding": "gzip", "Accept-Language": "ar, en"}
        self._client = httpx.Client(
            transport=GuardedTransport(self._guard), headers=headers, trust_env=False, timeout=limit_s, event_hooks={"response": [_lead]}
        )
        self._robots: dict[str, Protego | SourceError] = {}
        self._next: dict[str, float] = {}

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def get(self, address: str, *, validators: Mapping[str, str] | None = None) -> Page | None:
        """Fetch a page; None when it is unchanged by the `validators` of an earlier fetch.

        Raises SourceError (GoneError when there is nothing) saying why an address is not fetched.
        """
        here = address.partition("#")[0]
        for _ in range(MAX_REDIRECTS + 1):
            _check(address, here)
            self._wait(here, self._allowed(address, here))
            with self._opened(address, here, validators or {}) as answer:
                if answer.status_code == 304 and validators:
                    return None
                if answer.status_code not in _REDIRECTS:
                    return self._page(address, here, answer)
                here = _led(here, answer)
        raise refuse(address, f"redirects more than {MAX_REDIRECTS} times; give the address it should lead to")

    def _page(self, address: str, here: str, answer: httpx.Response) -> Page:
        if answer.status_code in _GONE:
            raise GoneError(f'"{address}" is not there (HTTP {answer.status_code}); check the address')
        if answer.status_code != 200:
            raise refuse(
                address, f"is not given by its server (HTTP {answer.status_code}); try again later, or save the page and ingest that"
            )
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind.startswith(("video/", "audio/", "font/")):
            raise refuse(address, f'is of the type "{kind}", in which no statement can be read')
        validators = {
            asked: answer.headers[told]
            for told, asked in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since"))
            if told in answer.headers
        }
        return Page(here, kind, answer.charset_encoding, _body(address, answer, MAX_BYTES), validators)

    @contextmanager
    def _opened(self, address: str, here: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Ask for a page; what goes wrong on the way, while reading it too, becomes a SourceError."""
        try:
            with self._guard.within(self._limit_s), self._client.stream("GET", here, headers=dict(headers)) as answer:
                yield answer
        except httpx.TimeoutException as error:
            raise refuse(address, f"takes longer than {self._limit_s:g} s to be sent; try again later") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise refuse(address, f"cannot be fetched ({error}); check the address and the connection") from error

    def _allowed(self, address: str, here: str) -> float:
        """Return the pause that the host's robots.txt asks for. Raises SourceError when it does not allow the page."""
        parts = urlsplit(here)
        host = f"{parts.scheme}://{parts.netloc}"
        if host not in self._robots:
            self._robots[host] = self._read_robots(host)
        rules = self._robots[host]
        if isinstance(rules, SourceError):
            raise refuse(address, f"is not fetched, for the robots.txt of its site cannot be read: {rules}")
        if not rules.can_fetch(here, AGENT):
            raise refuse(address, f'is closed to programs by "{host}/robots.txt"; ask its publisher, or save the page by hand')
        return float(rules.crawl_delay(AGENT) or 0)

    def _read_robots(self, host: str) -> Protego | SourceError:
        """The rules of a site: none when it has no robots.txt; when it cannot say, nothing is fetched from it (RFC 9309, 2.3.1)."""
        from protego import Protego

        here = f"{host}/robots.txt"
        try:
            for _ in range(MAX_REDIRECTS + 1):
                _check(here, here)
                with self._opened(here, here, {}) as answer:
                    if answer.status_code in _REDIRECTS:
                        here = _led(here, answer)
                        continue
                    if answer.status_code >= 500:
                        return refuse(here, f"is not given by its server (HTTP {answer.status_code})")
                    text = _body(here, answer, MAX_ROBOTS_BYTES, cut=True) if answer.status_code == 200 else b""
                    return Protego.parse(text.decode("utf-8", errors="replace"))
        except SourceError as error:
            return error
        return Protego.parse("")

    def _wait(self, here: str, asked_s: float) -> None:
        """Pause until the host may be asked again."""
        host, now = urlsplit(here).netloc, time.monotonic()
        pause = max(self._delay_s, min(asked_s, MAX_DELAY_S)) if self._delay_s else 0.0
        due = max(now, self._next.get(host, now))
        time.sleep(due - now)
        self._next[host] = due + pause


def _lead(answer: httpx.Response) -> None:
    """Take a redirect out of httpx's hands, which would read where it leads before it can be checked and told."""
    answer.extensions["leads_to"] = answer.headers.pop("Location", "")


def _led(here: str, answer: httpx.Response) -> str:
    """Return where a redirect leads, as it was sent when it cannot be read."""
    there: str = answer.extensions["leads_to"]
    try:
        return urljoin(here, there).partition("#")[0]
    except ValueError:
        return there


def _check(address: str, here: str) -> None:
    """Raise SourceError for what is no address of the web. Names and numbers are checked where they are connected to."""
    led = "" if here == address.partition("#")[0] else f'leads to "{here}" and '
    try:
        parts = urlsplit(here)
        known, secret = parts.scheme in ("http", "https") and bool(parts.hostname), parts.username or parts.password
        _ = parts.port
    except ValueError as error:
        raise refuse(address, f"{led}is no address of the web ({error}); give one that begins with https://") from error
    if not known:
        raise refuse(address, f"{led}is no address of the web; give one that begins with https://")
    if secret:
        raise refuse(address, f"{led and 'leads to an address that '}holds a name or password; save the page by hand and ingest the file")


def _body(address: str, answer: httpx.Response, most: int, *, cut: bool = False) -> bytes:
    """The bytes of an answer, inflated. Raises SourceError when they are more than `most`, unless they are to be `cut` there."""
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip", ""):
        raise refuse(address, f'is sent in the coding "{coding}", which was not asked for; save the page by hand')
    data = b""
    inflate = zlib.decompressobj(wbits=31) if "gzip" in coding else None
    try:
        for piece in answer.iter_raw():
            data += inflate.decompress(piece, most + 1 - len(data)) if inflate else piece
            if len(data) > most:
                if cut:
                    return data[:most]
                raise refuse(address, f"is larger than {most // 1_000_000} MB; save the statement alone")
    except zlib.error as error:
        raise refuse(address, f"is sent damaged ({error}); try again later") from error
    return data

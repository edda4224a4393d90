"""Connections to the open network only: the address that is checked is the one that is connected to, and nothing takes longer than told.

A name is looked up once for each connection, every address it stands for is checked, and one of these is connected to: a name that stands
for another address a moment later (DNS rebinding) gains nothing. The proxies of the environment are not used, for they look names up
themselves. Knows nothing of pages, robots.txt or statements.

    guard = Guard()
    client = httpx.Client(transport=GuardedTransport(guard), trust_env=False)
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore
import httpx

from ingest.errors import refuse

CONNECT_S = 10.0
_NAT64 = IPv6Network("64:ff9b::/96")
Resolve = Callable[[str, int], Iterable[str]]


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the open network, also when it stands inside an IPv6 address.

    >>> is_public("169.254.169.254"), is_public("::ffff:127.0.0.1"), is_public("93.184.215.14")
    (False, False, True)
    """
    ip = ip_address(address)
    return all(found.is_global and not found.is_multicast and not found.is_reserved and not _is_local(found) for found in _meant(ip))


def _is_local(ip: IPv4Address | IPv6Address) -> bool:
    """Whether it is of a site's own network by the older rule (`fec0::/10`), which Python calls global."""
    return isinstance(ip, IPv6Address) and ip.is_site_local


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses a name stands for."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Guard(httpcore.NetworkBackend):
    """Opens connections to checked addresses; all reading and writing ends by the time given with `within`."""

    def __init__(self, *, allow_private: bool = False, resolve: Resolve = look_up) -> None:
        self._allow_private, self._resolve = allow_private, resolve
        self._plain = httpcore.SyncBackend()
        self._ends = float("inf")

    @contextmanager
    def within(self, seconds: float) -> Any:
        """Let what is done inside take so long in all, however slowly a server sends."""
        self._ends = time.monotonic() + seconds
        try:
            yield
        finally:
            self._ends = float("inf")

    def left(self, timeout: float | None) -> float:
        """Return the time that is left, at most `timeout`. Raises httpcore.ReadTimeout when there is none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is up")
        return min(left, CONNECT_S if timeout is None else timeout)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers. Raises SourceError when one of them is not public."""
        error: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._checked(host, port):
            try:
                stream = self._plain.connect_tcp(address, port, self.left(timeout), local_address, socket_options)
                return _Stream(stream, self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> httpcore.NetworkStream:
        raise refuse(path, "is a socket of this machine; only addresses of the web are fetched")

    def _checked(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(dict.fromkeys(self._resolve(host, port)))
        except (OSError, UnicodeError) as failed:
            raise httpcore.ConnectError(f"the name {host} is not known ({failed})") from failed
        private = [address for address in addresses if not is_public(address)]
        if private and not self._allow_private:
            where = "an address of this machine or a private network"
            reason = f'stands for "{private[0]}", {where}; if it is meant, set BAYAN_ALLOW_PRIVATE=true'
            raise refuse(host, reason)
        return addresses


class GuardedTransport(httpx.HTTPTransport):
    """HTTP over the connections that a guard opens."""

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        # httpx passes no network backend on; the pool is the one thing of its transport that is replaced.
        self._pool = httpcore.ConnectionPool(ssl_context=httpx.create_ssl_context(), network_backend=guard, max_keepalive_connections=4)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends by the guard's time."""

    def __init__(self, stream: httpcore.NetworkStream, guard: Guard) -> None:
        self._stream, self._guard = stream, guard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._guard.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._guard.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._guard.left(timeout)), self._guard)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _meant(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and those inside it that a machine or a translator on the way takes it for."""
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    inner = [*(ip.teredo or ()), *([ip.sixtofour] if ip.sixtofour else [])]
    if ip in _NAT64:
        return [IPv4Address(int(ip) & 0xFFFFFFFF)]
    return [ip, *inner]

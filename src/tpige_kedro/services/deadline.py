"""A limit on the whole of a request, from the connection to the last byte of its answer.

A read timeout begins again with every byte, so a server that sends one a second (of its headers, too) would hold a worker for ever.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore2
import httpx2

SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)

_ends: ContextVar[float] = ContextVar("when the request under way must be complete")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """All network operations of this thread inside it end after ``seconds`` together, with a timeout error."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def limit_transport(transport: httpx2.BaseTransport | None) -> None:
    """Let the connections of ``transport`` obey :func:`time_limit`; httpx2 has no public argument for it."""
    pool = getattr(transport, "_pool", None)
    if isinstance(pool, httpcore2.ConnectionPool) and not isinstance(
        pool._network_backend, LimitedBackend
    ):
        pool._network_backend = LimitedBackend(pool._network_backend)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    """The seconds that an operation may take: its own ``timeout``, or what is left of all."""
    ends = _ends.get(None)
    if ends is None:
        return timeout
    left = ends - time.monotonic()
    if left <= 0:
        raise error("the answer was not complete in time")
    return left if timeout is None else min(timeout, left)


class LimitedBackend(httpcore2.NetworkBackend):
    """Opens connections with another backend."""

    def __init__(self, inner: httpcore2.NetworkBackend) -> None:
        self.inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect."""
        left = _left(timeout, httpcore2.ConnectTimeout)
        return LimitedStream(
            self.inner.connect_tcp(host, port, left, local_address, socket_options)
        )

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect."""
        left = _left(timeout, httpcore2.ConnectTimeout)
        return LimitedStream(self.inner.connect_unix_socket(path, left, socket_options))

    def sleep(self, seconds: float) -> None:
        """Wait between two attempts to connect."""
        self.inner.sleep(seconds)


class LimitedStream(httpcore2.NetworkStream):
    """Reads and writes with another stream."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self.inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes."""
        return self.inner.read(max_bytes, timeout=_left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of ``buffer``."""
        self.inner.write(buffer, timeout=_left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        """Close."""
        self.inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Encrypt from now on."""
        left = _left(timeout, httpcore2.ConnectTimeout)
        return LimitedStream(self.inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        """What the other stream knows."""
        return self.inner.get_extra_info(info)

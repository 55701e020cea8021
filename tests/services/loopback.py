"""A server on loopback that answers each request with what a test says, byte by byte where it wants to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Answer = bytes | Iterable[bytes]  # raw: status line, headers and body


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """``answer`` says what is sent; ``requests`` is what came."""

    answer: Callable[[Request], Answer]
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def response(status: int, body: bytes = b"", length: int | None = None, **headers: str) -> bytes:
    """A whole answer; names of headers with underscores for hyphens."""
    fields = {
        "content-type": "application/json",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in fields.items())]
    lines.append(f"content-length: {len(body) if length is None else length}")
    return ("\r\n".join([*lines, "connection: close"]) + "\r\n\r\n").encode() + body


def drip(server: Server, content: bytes, seconds: float = 0.02) -> Iterator[bytes]:
    """``content`` byte by byte, for as long as the server lives."""
    for byte in content:
        if server.over.is_set():
            return
        yield bytes([byte])
        time.sleep(seconds)


def endless(start: bytes, part: bytes) -> Iterator[bytes]:
    """``start``, and ``part`` for ever."""
    yield start
    while True:
        yield part


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[Server]:
    """A server for the length of a test."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    server = Server(answer, listener.getsockname()[1])

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                request = read(connection)
                server.requests.append(request)
                sent = server.answer(request)
                for part in [sent] if isinstance(sent, bytes) else sent:
                    connection.sendall(part)
            except OSError:  # the client gave up, as it should
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def read(connection: socket.socket) -> Request:
    """One request."""
    content = b""
    while b"\r\n\r\n" not in content:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError
        content += part
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body)

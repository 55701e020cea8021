"""What every request and response of the page must keep to, before anything looks at it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

LARGEST_BODY = 4096  # bytes; a vote has 200
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"cache-control", b"no-store"),
)
READING, WRITING = "GET", "POST"


class Guard:
    """Refuses hosts that are not meant, requests from other sites and large bodies; adds the headers of :data:`HEADERS`.

    ``hosts`` are the names by which the server may be called; empty: any, for a server that is bound to all addresses.
    """

    def __init__(self, app: Any, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        status, words = self._problem(scope)
        if status:
            await _refuse(status, words, send_with_headers)
            return
        if scope["method"] == WRITING:
            body, is_whole = await _body(receive)
            if not is_whole:
                await _refuse(413, "too large", send_with_headers)
                return
            receive = _replay(body, receive)
        await self._app(scope, receive, send_with_headers)

    def _problem(self, scope: Any) -> tuple[int, str]:
        """Status and words; 0 if the request may go on."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if self._hosts and _name(host) not in self._hosts:
            return 421, "this server does not answer to that name"
        if scope["method"] == WRITING:
            return _writing_problem(headers, host)
        # not HEAD either: it would look as if a clip had been sent
        return (0, "") if scope["method"] == READING else (405, "not allowed")


def _writing_problem(headers: Mapping[bytes, str], host: str) -> tuple[int, str]:
    if headers.get(b"sec-fetch-site", "same-origin") != "same-origin":
        return 403, "from another site"
    origin = headers.get(b"origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return 403, "from another site"
    length = headers.get(b"content-length", "0")
    is_small = length.isascii() and length.isdigit() and int(length[:12]) <= LARGEST_BODY
    return (0, "") if is_small else (413, "too large")


def _name(host: str) -> str:
    """The host without its port.

    >>> _name("127.0.0.1:8080"), _name("[::1]:8080"), _name("Study.example")
    ('127.0.0.1', '[::1]', 'study.example')
    """
    end = host.rfind("]")
    colon = host.find(":", end + 1)
    return (host if colon < 0 else host[:colon]).lower()


async def _body(receive: Any) -> tuple[bytes, bool]:
    found = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return found, True  # gone: whoever reads it sees a part, and refuses that
        found += message.get("body", b"")
        if len(found) > LARGEST_BODY:
            return b"", False
        if not message.get("more_body"):
            return found, True


def _replay(body: bytes, receive: Any) -> Any:
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(status: int, words: str, send: Any) -> None:
    content = words.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(content)).encode()), (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

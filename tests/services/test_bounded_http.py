"""Real HTTP on loopback: answers that are endless, slow, deep, compressed to nothing, or that lead elsewhere."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from services.loopback import Request, Server, drip, endless, response, serving
from tpige_kedro.services.bounded_http import BoundedClient, RedirectRefused
from tpige_kedro.services.json_answer import MAX_DEPTH

KEY = "sk-test-0123456789-secret"
PHOTO = {"photo": "data:image/jpeg;base64,AAAA"}
BOMB = gzip.compress(b'{"a":"' + b"A" * 30_000_000 + b'"}')
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"


def post(url: str, seconds: float = 20.0, **options: Any) -> httpx2.Response:
    with BoundedClient(seconds, [KEY], **options) as client:
        return client.post(url, json=PHOTO, headers={"Authorization": f"Bearer {KEY}"})


@pytest.mark.parametrize(
    "answer",
    [
        response(200, BOMB, content_encoding="gzip"),
        response(200, zlib.compress(b"A" * 30_000_000), content_encoding="deflate"),
        response(200, gzip.compress(BOMB), content_encoding="gzip, gzip"),
        response(200, b"x" * 9, content_encoding="br"),
        response(200, BOMB[:200], content_encoding="gzip"),
        response(200, b"no gzip", content_encoding="gzip"),
        response(200, b"[" * 100_000 + b"]" * 100_000),
        response(200, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        response(200, b'"' + b'\\"' * 900_000),
        response(200, b"{}", x_long="a" * 300_000),
        response(200, b"{}", length=50),
        endless(HEAD, b" " * 65536),
        endless(HEAD + b'{"a":"', b"A" * 65536),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
        endless(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n" * 500),
    ],
    ids=["gzip", "deflate", "gzip gzip", "br", "cut gzip", "no gzip", "lists", "objects", "string", "header",
         "short", "spaces", "text", "1xx", "headers"],
)  # fmt: skip
def test_no_answer_costs_more_than_its_bounds(answer: bytes | Iterator[bytes]) -> None:
    tracemalloc.start()
    started = time.monotonic()
    with serving(lambda _: answer) as server:
        try:
            assert post(server.url, seconds=1.5).text, "what can be read is read"
        except httpx2.TransportError as error:
            assert str(error)
    assert time.monotonic() - started < 20
    assert tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "slow", [HEAD + b" " * 10_000, b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 10_000]
)
def test_a_drip_of_body_or_headers_ends_in_time(slow: bytes) -> None:
    def answer(_: Request) -> Iterator[bytes]:
        return drip(server, slow)

    started = time.monotonic()
    with serving(answer) as server, pytest.raises(httpx2.TimeoutException):
        post(server.url, seconds=0.5)
    assert time.monotonic() - started < 20, "all of it takes 200 s"


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b'{"a": 1}')),
        ("GZip", gzip.compress(b'{"a"') + gzip.compress(b": 1}")),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("deflate", raw_deflate(b'{"a": 1}')),
        ("identity", b'\xef\xbb\xbf{"a": 1}'),
    ],
    ids=["gzip", "gzip in two members", "zlib", "raw deflate", "not packed"],  # gzip holds the time
)
def test_what_is_compressed_as_asked_for_is_read(encoding: str, packed: bytes) -> None:
    with serving(
        lambda _: response(200, packed, content_encoding=encoding, content_type="text/html")
    ) as server:
        answer = post(server.url)
    assert answer.json() == {"a": 1} and answer.headers["content-type"] == "application/json"
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_depth_as_answers_have_it_is_fine() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH):
        deep = [deep]
    with serving(lambda _: response(200, json.dumps(deep).encode())) as server:
        assert post(server.url).json() == deep


STATUSES = (301, 302, 303, 307, 308)


@pytest.fixture
def other() -> Iterator[Server]:
    with serving(lambda _: response(200, b'{"stolen": true}')) as server:
        yield server


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:{other}/v1",
        "//127.0.0.1:{other}/v1",
        "http://127.0.0.1:{port}@127.0.0.1:{other}/",
        "http://user:word@127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "https://127.0.0.1:{port}/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://[::1",
        "http://127.0.0.1:{port}\\@127.0.0.1:{other}/",
    ],
)
def test_no_other_host_gets_key_or_photo(status: int, method: str, to: str, other: Server) -> None:
    def answer(_: Request) -> bytes:
        return response(status, location=to.format(port=server.port, other=other.port))

    with (
        serving(answer) as server,
        BoundedClient(5.0, [KEY]) as client,
        pytest.raises(RedirectRefused, match="not followed") as caught,
    ):
        client.request(method, server.url, json=PHOTO, headers={"Authorization": f"Bearer {KEY}"})
    assert len(server.requests) == 1 and not other.requests
    assert server.url in str(caught.value) and "base_url" in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    "to", ["/v1/there/", "there/", "http://127.0.0.1:{port}/v1/there/", "?a=b"]
)
def test_the_same_host_is_followed_with_the_same_request(status: int, to: str) -> None:
    def answer(request: Request) -> bytes:
        if request.path == "/v1/here":
            return response(status, location=to.format(port=server.port))
        return response(200, b'{"a": 1}')

    with serving(answer) as server:
        assert post(f"{server.url}/v1/here").json() == {"a": 1}
    first, second = server.requests
    assert second.body == first.body and second.method == "POST"
    assert second.headers["authorization"] == f"Bearer {KEY}"


def test_a_circle_ends() -> None:
    with serving(lambda _: response(307, location="/again")) as server:
        with pytest.raises(RedirectRefused, match="redirects in a loop"):
            post(server.url)
        assert len(server.requests) == 6


def test_a_download_may_leave_and_takes_nothing_along(other: Server) -> None:
    with (
        serving(lambda _: response(302, location=f"{other.url}/file")) as server,
        BoundedClient(5.0, may_leave=True, is_text=False) as client,
    ):
        assert client.get(server.url).json() == {"stolen": True}
        server.answer = lambda _: response(302, location="file:///etc/passwd")
        with pytest.raises(RedirectRefused):
            client.get(server.url)
    (request,) = other.requests
    assert "authorization" not in request.headers and not request.body
    assert "referer" not in request.headers and "cookie" not in request.headers

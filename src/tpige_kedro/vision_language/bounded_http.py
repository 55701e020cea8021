"""An HTTP client that gives up on answers that drip or never end.

A read timeout starts anew with every byte, so a server that sends one a second would hold a worker for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2

MAX_BYTES = 2_000_000  # a chat completion has some kilobytes


class BoundedBody(httpx2.SyncByteStream):
    """A response's body that ends with an error after ``deadline`` (of ``time.monotonic``) or ``MAX_BYTES``."""

    def __init__(self, body: httpx2.SyncByteStream, deadline: float) -> None:
        self.body = body
        self.deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self.body:
            size += len(chunk)
            if size > MAX_BYTES:
                raise httpx2.ReadError(f"the answer is larger than {MAX_BYTES:,} bytes")
            if time.monotonic() > self.deadline:
                raise httpx2.ReadTimeout("the answer was not complete in time")
            yield chunk

    def close(self) -> None:
        """Let go of the connection."""
        self.body.close()


def bounded_client(seconds: float) -> httpx2.Client:
    """A client as the openai package makes it (proxies of the environment included) whose answers are bounded."""
    from openai import DefaultHttpxClient

    def bound(response: httpx2.Response) -> None:
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = BoundedBody(response.stream, time.monotonic() + seconds)

    return DefaultHttpxClient(event_hooks={"response": [bound]})

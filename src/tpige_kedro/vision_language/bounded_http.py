"""An HTTP client that gives up on answers that drip or never end, and lets no answer repeat the key.

A read timeout starts anew with every byte, so a server that sends one a second would hold a worker for ever. And some servers
repeat the key in their errors, from where it would go into whatever keeps errors: logs, records, MLflow's traces.
"""

from __future__ import annotations

import time
from typing import Any

import httpx2
from openai import DefaultHttpxClient

MAX_BYTES = 2_000_000  # a chat completion has some kilobytes
AS_SENT = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class BoundedClient(DefaultHttpxClient):
    """A client as the openai package makes it (proxies of the environment included).

    Args:
        seconds: from the request to the last byte of its answer.
        key: replaced by ``***`` in answers; may be empty.
    """

    def __init__(self, seconds: float, key: str) -> None:
        super().__init__()
        self.seconds = seconds
        self.key = key.encode()

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send, and read the answer within its bounds.

        Raises:
            httpx2.ReadTimeout: not complete in time.
            httpx2.ReadError: larger than 2 MB.
        """
        deadline = time.monotonic() + self.seconds
        response = super().send(request, **{**options, "stream": True})
        try:
            body = _read(response, deadline)
        finally:
            response.close()
        headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() not in AS_SENT]
        return httpx2.Response(
            response.status_code,
            headers=headers,
            content=body.replace(self.key, b"***") if self.key else body,
            request=response.request,
            extensions=response.extensions,
        )


def _read(response: httpx2.Response, deadline: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise httpx2.ReadError(f"the answer is larger than {MAX_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the answer was not complete in time")
    return bytes(body)

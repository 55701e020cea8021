"""An HTTP client whose answers are bounded in bytes, time and depth, and hold no key; it follows no redirect to another host.

A request carries a key and perhaps a photo: whoever answers with ``Location: https://elsewhere`` would get both.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Collection
from functools import cache
from typing import Any

import httpx2

from tpige_kedro.errors import ServiceError
from tpige_kedro.services import json_answer
from tpige_kedro.services.deadline import limit_transport, time_limit
from tpige_kedro.services.decompression import ACCEPTED, decoded
from tpige_kedro.services.secrets import guard_logs, scrubbed
from tpige_kedro.services.words import short

MAX_BYTES = 2_000_000  # of an answer, decompressed; a chat completion has some kilobytes
MAX_REDIRECTS = 5
MAX_TEXT = 50_000  # characters that are kept of an answer that is no JSON
MARGIN = 10_000  # more that are read, for a key at the end would be cut in two
TEXT = "text/plain; charset=utf-8"
REDIRECTS = {301, 302, 303, 307, 308}
AS_SENT = frozenset({"content-encoding", "content-length", "transfer-encoding", "set-cookie"})


class RedirectRefused(ServiceError):
    """The answer leads to another host, which gets neither the key nor the photo."""


class BoundedClient(httpx2.Client):
    """Sends requests to one service; proxies of the environment are used.

    Args:
        seconds: from the connection to the last byte of the answer, redirects included.
        secrets: replaced by ``***`` in answers, see :func:`.scrubbed`.
        max_bytes: of an answer, decompressed.
        may_leave: whether redirects to other hosts are followed: for requests without key and photo.
        is_text: whether answers are texts, which are scrubbed; JSON among them is read once, with bounds, and written again.
        keep_alive: whether connections are used again. One that the server closed meanwhile breaks a request that never arrived.
    """

    def __init__(
        self,
        seconds: float,
        secrets: Collection[str] = (),
        max_bytes: int = MAX_BYTES,
        may_leave: bool = False,
        is_text: bool = True,
        keep_alive: bool = True,
    ) -> None:
        super().__init__(
            timeout=seconds,
            headers={"Accept-Encoding": ACCEPTED},
            verify=certificates(),
            limits=httpx2.Limits(max_keepalive_connections=None if keep_alive else 0),
        )
        guard_logs()
        self.seconds, self.max_bytes = seconds, max_bytes
        self.secrets = frozenset(filter(None, secrets))
        self.may_leave, self.is_text = may_leave, is_text
        for transport in (self._transport, *self._mounts.values()):
            limit_transport(transport)

    def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """Send, and read the answer within its bounds.

        Raises:
            RedirectRefused: see the class.
            httpx2.TimeoutException: not complete in time.
            httpx2.ReadError: too large, nested too deep, or compressed in a way that was not asked for.
            httpx2.TransportError: no connection, or a broken one.
        """
        request.headers["Accept-Encoding"] = ACCEPTED
        with time_limit(self.seconds):
            for _hop in range(MAX_REDIRECTS + 1):
                response = self._send_once(request)
                if response.status_code not in REDIRECTS or "location" not in response.headers:
                    return response
                request = self._redirected(request, response)
        raise RedirectRefused(f"{origin(request.url)} redirects in a loop")

    def _send_once(self, request: httpx2.Request) -> httpx2.Response:
        answer = super().send(request, stream=True, follow_redirects=False)
        try:
            body = self._read(answer)
        finally:
            answer.close()
        self.cookies.clear()
        headers = [
            (name, scrubbed(value, self.secrets))
            for name, value in answer.headers.multi_items()
            if name.lower() not in AS_SENT
        ]
        if self.is_text:
            body, kind = self._cleaned(body, answer.encoding)
            headers = [pair for pair in headers if pair[0].lower() != "content-type"]
            headers.append(("content-type", kind))
        return httpx2.Response(
            answer.status_code, headers=headers, content=body, request=answer.request
        )

    def _read(self, answer: httpx2.Response) -> bytes:
        body = bytearray()
        try:
            for part in decoded(answer.iter_raw(), answer.headers.get("content-encoding", "")):
                body += part
                if len(body) > self.max_bytes:
                    raise httpx2.ReadError(f"the answer is larger than {self.max_bytes:,} bytes")
        except ValueError as error:
            raise httpx2.ReadError(str(error)) from None
        return bytes(body)

    def _cleaned(self, body: bytes, encoding: str | None) -> tuple[bytes, str]:
        """The body without secrets, and what it is, whatever its header says."""
        try:
            text = body.decode(encoding or "utf-8", "replace")
        except LookupError:
            text = body.decode("utf-8", "replace")
        try:
            found = json_answer.parse(text)
        except json_answer.TooDeepError as error:
            raise httpx2.ReadError(f"the answer is {error}") from None
        except ValueError:
            clean = scrubbed(text[: MAX_TEXT + MARGIN], self.secrets)
            if len(text) > MAX_TEXT + MARGIN:
                clean = clean[:-MARGIN]
            return clean.encode("utf-8", "replace"), TEXT
        clean = json_answer.cleaned(found, lambda part: scrubbed(part, self.secrets))
        return json.dumps(clean).encode(), "application/json"

    def _redirected(self, request: httpx2.Request, answer: httpx2.Response) -> httpx2.Request:
        """The request as it is sent to the place that the answer names."""
        named = answer.headers["location"]
        try:
            target = request.url.join(named)
        except (httpx2.InvalidURL, ValueError):
            target = httpx2.URL("")
        stays = origin(target) == origin(request.url) and not target.userinfo
        leaves = self.may_leave and target.scheme in {"http", "https"} and target.host
        if not (stays or leaves) or (answer.status_code == 303 and request.method != "GET"):
            raise RedirectRefused(
                f"{origin(request.url)} redirects to {short(named.partition('?')[0])}: not followed, because key and photo "
                "go to the host in base_url only; if you trust that address, set base_url to it"
            )
        headers = request.headers if stays else {"Accept-Encoding": ACCEPTED}
        return self.build_request(request.method, target, headers=headers, content=request.read())


@cache
def certificates() -> ssl.SSLContext:
    """The authorities that are trusted; reading them takes a while."""
    return httpx2.create_ssl_context()


def origin(url: httpx2.URL) -> str:
    """Scheme, host and port: what must stay the same.

    >>> origin(httpx2.URL("https://Host/a")), origin(httpx2.URL("http://a@b:81/"))
    ('https://host:443', 'http://b:81')
    """
    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
    return f"{url.scheme}://{url.host.lower()}:{port}"

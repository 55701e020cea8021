"""The MiniMax video API over HTTP: create a task, query its status, find its file, download it.

Protocol and codes as documented at platform.minimax.io (API reference: video generation with subject reference, task query, file
retrieval, error codes), read in November 2026; docs/models.md says which codes come from elsewhere. Not tried with a key.
"""

from __future__ import annotations

import logging
import random
import re
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx2

from tpige_kedro.errors import ServiceError
from tpige_kedro.services import json_answer
from tpige_kedro.services.bounded_http import BoundedClient
from tpige_kedro.services.retries import retry_after
from tpige_kedro.services.words import short, words_of

logger = logging.getLogger(__name__)

ATTEMPTS = 6
LONGEST_WAIT = 60.0  # seconds between two attempts
LARGEST_CLIP = 512 << 20  # bytes
CALL_SECONDS = 120.0  # for the whole of one call, the upload of the photo included

LATER = {1000, 1001, 1002, 1024, 1033}  # the codes whose remedy is to try again
REFUSED = {
    1026,
    1027,
}  # the prompt or picture, or the clip that was made, is against the content policy
ACCOUNT = {1004, 1008, 2049, 2056}  # the key, the balance, the quota
BUSY = {429, 500, 503}  # answers after which nothing was begun
GONE = re.compile(r"not (be )?(found|exist)|no such|does ?n[o']t exist|expired|unknown (task|file)|invalid (task|file)", re.IGNORECASE)  # fmt: skip
AN_ID = re.compile(r"[\w.:@=/+-]{1,200}", re.ASCII)


class Refused(ServiceError):
    """The service refused for its content policy."""


class AccountError(ServiceError):
    """No request can succeed: the key is wrong, or the balance is used up."""


class Unanswered(ServiceError):
    """A request was sent and no answer came back: whether the service accepted it is unknown."""


class UnknownTask(ServiceError):
    """The service does not know the task or file, or no longer."""


@dataclass
class MinimaxApi:
    """One account at one host. ``key`` is sent in a header to ``base_url`` only, and is kept out of all messages."""

    base_url: str
    key: str = field(repr=False)
    backoff: float = 1.0  # seconds before the second attempt, doubled for each one after

    @cached_property
    def client(self) -> BoundedClient:
        """Sends to ``base_url`` only."""
        return BoundedClient(CALL_SECONDS, [self.key], keep_alive=False)

    def create(self, body: dict[str, Any]) -> str:
        """Request a clip; returns the task's id. Sent again only if it certainly was not accepted.

        Raises:
            Unanswered: after it was sent the connection broke, a gateway gave up, or the answer made no sense.
        """
        answer = self._call("POST", "/v1/video_generation", once=True, json=body)
        task = _id(answer.get("task_id"))
        if not task:
            raise Unanswered("the answer names no task")
        return task

    def query(self, task: str) -> tuple[str, str]:
        """The status of a task (Preparing, Queueing, Processing, Success, Fail), and its file's id once there is one.

        Raises:
            UnknownTask: there is no such task, or no longer.
        """
        answer = self._call("GET", "/v1/query/video_generation", params={"task_id": task})
        status = answer.get("status")
        if not isinstance(status, str) or not status.strip():
            raise ServiceError(f"the answer about task {task} has no status")
        return short(status), _id(answer.get("file_id"))

    def download(self, file: str, seconds: float) -> bytes:
        """The bytes of a finished clip, in at most ``seconds``; a download that breaks off begins again, with a fresh link.

        Raises:
            UnknownTask: there is no such file, or no longer.
        """
        ends = time.monotonic() + seconds
        for attempt in range(ATTEMPTS):
            found = self._call("GET", "/v1/files/retrieve", params={"file_id": file})
            part = found.get("file")
            link = part.get("download_url") if isinstance(part, dict) else None
            try:
                return _fetch(_address(link, file), max(0.1, ends - time.monotonic()))
            except httpx2.HTTPError as error:  # the text of most holds the signed link
                reason = type(error).__name__
                if isinstance(error, httpx2.ReadError):
                    reason += f": {short(error)}"
                if isinstance(error, httpx2.HTTPStatusError):
                    reason = f"HTTP {error.response.status_code}"
            if time.monotonic() >= ends:
                raise ServiceError(f"the download of file {file} was not complete in {seconds:g} s")
            self._wait(attempt, f"the download was interrupted ({reason})")
        raise ServiceError(f"file {file} could not be downloaded in {ATTEMPTS} attempts ({reason})")

    def _call(
        self, method: str, path: str, *, once: bool = False, **content: Any
    ) -> dict[str, Any]:
        for attempt in range(ATTEMPTS):
            try:
                answer = self.client.request(
                    method,
                    self.base_url.rstrip("/") + path,
                    headers={"Authorization": f"Bearer {self.key}"},
                    **content,
                )
                reason = self._why_again(answer, once)
                if not reason:
                    return self._checked(answer)
                wait = retry_after(answer.headers)
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
                raise ServiceError(f"base_url {self.base_url}: {short(error)}") from None
            except httpx2.HTTPError as error:
                kind = CALLED.get(type(error), type(error).__name__)
                reason, wait = f"{kind}: {short(error)}", None
                if once and not isinstance(error, NEVER_SENT):
                    raise Unanswered(f"no answer to the request ({reason})") from None
            self._wait(attempt, f"{path}: {reason}", wait)
        raise ServiceError(f"{path}: no success in {ATTEMPTS} attempts, the last one: {reason}")

    def _why_again(self, answer: httpx2.Response, once: bool) -> str:
        """Why to try again, or the empty text."""
        status, code = answer.status_code, _code(_content(answer))[0]
        unreadable = status == 200 and code is None
        if once and (unreadable or (status >= 500 and status not in BUSY)):
            raise Unanswered(f"HTTP {status} without a readable answer")
        if status in BUSY or status >= 500:
            return f"HTTP {status}"
        if unreadable:
            return f"an unreadable answer ({words_of(_content(answer))})"
        return f"code {code}" if code in LATER else ""

    def _checked(self, answer: httpx2.Response) -> dict[str, Any]:
        content = _content(answer)
        code, text = _code(content)
        said = f"HTTP {answer.status_code}, code {code}: {text}"
        if code in REFUSED:
            raise Refused(f"refused by the content policy of the service (code {code}: {text})")
        if code in ACCOUNT or answer.status_code in {401, 402, 403}:
            raise AccountError(said)
        is_gone = answer.status_code in {404, 410} or (code != 0 and GONE.search(text))
        if is_gone and isinstance(content, dict):
            raise UnknownTask(said)
        if code != 0 or answer.status_code != 200:
            where = f" from {self.base_url}" if code is None else ""
            raise ServiceError(f"{said}{where}")
        assert isinstance(content, dict)
        return content

    def _wait(self, attempt: int, reason: str, at_least: float | None = None) -> None:
        if attempt + 1 == ATTEMPTS:
            return
        pause = self.backoff * 2**attempt * random.uniform(1.0, 1.5)
        pause = min(max(pause, at_least or 0.0), LONGEST_WAIT)
        logger.warning("MiniMax: %s; retrying in %.1f s", reason, pause)
        time.sleep(pause)


CALLED: dict[type[Exception], str] = {httpx2.ConnectError: "ConnectionError"}
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def _content(answer: httpx2.Response) -> Any:
    """The JSON of an answer, else its text."""
    try:
        return json_answer.parse(answer.text)
    except ValueError:
        return answer.text


def _code(content: object) -> tuple[int | None, str]:
    """The service's own code and text; an answer that is not its JSON has none.

    Two forms are documented: ``base_resp`` with code and text, and ``error`` with a message that ends in the code in brackets.
    """
    if not isinstance(content, dict):
        return None, f"the answer is not what the service documents ({words_of(content)})"
    base = content.get("base_resp")
    if isinstance(base, dict):
        code = base.get("status_code")
        if isinstance(code, str) and re.fullmatch(r"-?\d{1,9}", code.strip()):
            code = int(code)
        if isinstance(code, int) and not isinstance(code, bool):
            return code, short(base.get("status_msg", ""))
    elif "error" in content:
        message = words_of(content)
        found = re.search(r"\((\d{4})\)\s*$", message)
        return int(found[1]) if found else None, message
    return None, f"the answer is not what the service documents ({words_of(content)})"


def _id(value: object) -> str:
    """The id of a task or file, a text or a number; empty for anything else."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if AN_ID.fullmatch(text) and text != "0" else ""


def _address(link: object, file: str) -> str:
    """A link to download from. Raises ``ServiceError`` for anything but an address of the web."""
    if not isinstance(link, str) or not re.match(r"https?://[^/\s]", link, re.IGNORECASE):
        scheme = re.match(r"\w{1,10}(?=:)", link) if isinstance(link, str) else None
        kind = f"a {scheme[0]} address" if scheme else f"{type(link).__name__} {short(link)[:40]!r}"
        raise ServiceError(f"file {file}: its download_url is no http(s) address ({kind})")
    return link


def _fetch(url: str, seconds: float) -> bytes:
    """Download without the key: the link is signed and leads to another host. A short answer is an error."""
    try:
        with BoundedClient(
            seconds, max_bytes=LARGEST_CLIP, may_leave=True, is_text=False
        ) as client:
            answer = client.get(url)
    except httpx2.InvalidURL as error:
        raise ServiceError(f"the download_url is no address ({short(error)})") from None
    answer.raise_for_status()
    return answer.content

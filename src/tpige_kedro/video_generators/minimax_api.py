"""The MiniMax video API over HTTP: create a task, ask how it is, find its file, download it.

Protocol and codes as documented at platform.minimax.io (API reference: video generation with subject reference, task query, file
retrieval, error codes), read in November 2026.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, field
from typing import Any

import requests

logger = logging.getLogger(__name__)

ATTEMPTS = 6
LONGEST_WAIT = 60.0  # seconds between two attempts
LARGEST_CLIP = 512 << 20  # bytes
TIMEOUT = (10.0, 120.0)  # seconds to connect, and between two packets

LATER = {1000, 1001, 1002, 1024, 1033}  # the codes whose remedy is to try again
REFUSED = {
    1026,
    1027,
}  # the prompt or picture, or the clip that was made, is against the content policy
ACCOUNT = {1004, 1008, 2049, 2056}  # the key, the balance, the quota
BUSY = {429, 500, 503}  # answers after which nothing was begun


class ServiceError(Exception):
    """The service answered that this cannot be done."""


class Refused(ServiceError):
    """The service refused for its content policy."""


class AccountError(ServiceError):
    """No request can succeed: the key is wrong, or the balance is used up."""


class Unanswered(ServiceError):
    """A request went out and no answer came back: whether the service took it is unknown."""


@dataclass
class MinimaxApi:
    """One account at one host. ``key`` is sent in a header to ``base_url`` only, and is kept out of all messages."""

    base_url: str
    key: str = field(repr=False)
    backoff: float = 1.0  # seconds before the second attempt, doubled for each one after

    def create(self, body: dict[str, Any]) -> str:
        """Ask for a clip; the task's id. Sent again only where it certainly was not taken.

        Raises:
            Unanswered: after it was sent the connection broke, a gateway gave up, or the answer made no sense.
        """
        answer = self._call("POST", "/v1/video_generation", once=True, json=body)
        if not answer.get("task_id"):
            raise Unanswered("the answer names no task")
        return str(answer["task_id"])

    def query(self, task: str) -> tuple[str, str]:
        """The status of a task (Preparing, Queueing, Processing, Success, Fail), and its file's id once there is one."""
        answer = self._call("GET", "/v1/query/video_generation", params={"task_id": task})
        return str(answer.get("status", "")), str(answer.get("file_id") or "")

    def download(self, file: str) -> bytes:
        """The bytes of a finished clip; a download that breaks off begins anew, with a fresh link."""
        for attempt in range(ATTEMPTS):
            found = self._call("GET", "/v1/files/retrieve", params={"file_id": file})
            try:
                return _fetch(str(found["file"]["download_url"]))
            except (requests.RequestException, OSError) as error:
                reason = type(error).__name__  # its text holds the signed link
            self._wait(attempt, f"the download broke off ({reason})")
        raise ServiceError(f"file {file} could not be downloaded in {ATTEMPTS} attempts ({reason})")

    def _call(self, method: str, path: str, *, once: bool = False, **content: Any) -> Any:
        for attempt in range(ATTEMPTS):
            try:
                answer = requests.request(
                    method,
                    self.base_url.rstrip("/") + path,
                    headers={"Authorization": f"Bearer {self.key}"},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    **content,
                )
                reason = self._why_again(answer, once)
                if not reason:
                    return self._checked(answer)
                wait = _retry_after(answer)
            except requests.RequestException as error:
                reason, wait = type(error).__name__, None
                if once and not _never_sent(error):
                    raise Unanswered(f"no answer to the request ({reason})") from None
            self._wait(attempt, f"{path}: {reason}", wait)
        raise ServiceError(f"{path}: no success in {ATTEMPTS} attempts, the last one: {reason}")

    def _why_again(self, answer: requests.Response, once: bool) -> str:
        """Why to try again, or the empty text."""
        status, code = answer.status_code, _code(answer)[0]
        unreadable = status == 200 and code is None
        if once and (unreadable or (status >= 500 and status not in BUSY)):
            raise Unanswered(f"HTTP {status} without a readable answer")
        if status in BUSY or status >= 500:
            return f"HTTP {status}"
        if unreadable:
            return "an unreadable answer"
        return f"code {code}" if code in LATER else ""

    def _checked(self, answer: requests.Response) -> Any:
        code, text = _code(answer)
        text = text.replace(self.key, "***")[:300]
        if code in REFUSED:
            raise Refused(f"refused by the content policy of the service (code {code}: {text})")
        if code in ACCOUNT or answer.status_code in {401, 402, 403}:
            raise AccountError(f"HTTP {answer.status_code}, code {code}: {text}")
        if code != 0 or answer.status_code != 200:
            raise ServiceError(f"HTTP {answer.status_code}, code {code}: {text}")
        return answer.json()

    def _wait(self, attempt: int, reason: str, at_least: float | None = None) -> None:
        if attempt + 1 == ATTEMPTS:
            return
        pause = self.backoff * 2**attempt * random.uniform(1.0, 1.5)
        pause = min(max(pause, at_least or 0.0), LONGEST_WAIT)
        logger.warning("MiniMax: %s; trying again in %.1f s", reason, pause)
        time.sleep(pause)


def _code(answer: requests.Response) -> tuple[int | None, str]:
    """The service's own code and text; an answer that is not its JSON has none."""
    try:
        base = answer.json()["base_resp"]
        return int(base["status_code"]), str(base.get("status_msg", ""))
    except (ValueError, KeyError, TypeError):
        return None, "the answer is not what the service documents"


def _never_sent(error: requests.RequestException) -> bool:
    """Whether the connection was not even made."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return type(reason).__name__ in {"NewConnectionError", "NameResolutionError"}


def _retry_after(answer: requests.Response) -> float | None:
    try:
        return float(answer.headers["Retry-After"])
    except (KeyError, ValueError):  # absent, or a date: the backoff decides
        return None


def _fetch(url: str) -> bytes:
    """Download without the key: the link is signed and leads to another host. A short answer is an error."""
    with requests.get(url, timeout=TIMEOUT, stream=True) as answer:
        answer.raise_for_status()
        content = bytearray()
        for part in answer.iter_content(1 << 20):
            content += part
            if len(content) > LARGEST_CLIP:
                raise OSError("the clip is larger than 512 MiB")
    return bytes(content)

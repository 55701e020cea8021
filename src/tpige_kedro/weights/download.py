"""One file from an address to this disk: resumed where it stopped, checked against what was announced, downloaded once."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

from tpige_kedro.services.retries import retry_after, waiting_time
from tpige_kedro.weights.announced import (
    Download,
    WrongContentError,
    check,
    check_announced,
    new_digest,
)

logger = logging.getLogger(__name__)

TRIES = 6  # in a row that bring nothing new
ENOUGH = 1_000_000  # bytes: a try that brought as much counts as progress
MAX_WAIT = 300.0  # seconds: the hub counts requests in windows of five minutes
CHUNK = 1 << 20
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})

Advance = Callable[[int], object]


class BrokenOffError(Exception):
    """The connection broke too often: how far the download came."""


class Stopped(Exception):
    """Another file of the same download failed."""


def download(
    job: Download, advance: Advance = lambda count: None, stop: Event | None = None
) -> None:
    """Get a file; ``advance`` takes the number of bytes that came or were here, ``stop`` ends it between two chunks.

    Wrong content is deleted and downloaded once more.

    Raises:
        WrongContentError: wrong twice.
        BrokenOffError: the connection broke :data:`TRIES` times in a row.
        httpx2.HTTPError: the server's refusal.
        OSError: the disk's.
    """
    job.target.parent.mkdir(parents=True, exist_ok=True)
    job.partial.parent.mkdir(parents=True, exist_ok=True)
    for last in (False, True):
        come = _Counted(advance)
        try:
            check(job, _all_of(job, come, stop or Event()))
        except WrongContentError as error:
            job.partial.unlink(missing_ok=True)
            come.undo()
            if last:
                raise
            logger.warning("%s; downloading it once more", error)
        else:
            os.replace(job.partial, job.target)
            return


@contextmanager
def bar(name: str, size: int | None) -> Iterator[Advance]:
    """A progress bar of bytes, as huggingface_hub shows and hides them."""
    from huggingface_hub.utils import tqdm

    with tqdm(total=size, unit="B", unit_scale=True, desc=name) as shown:
        yield shown.update


class _Counted:
    """Passes numbers of bytes on and can take them back."""

    def __init__(self, advance: Advance) -> None:
        self.advance, self.total = advance, 0

    def __call__(self, count: int) -> None:
        self.total += count
        self.advance(count)

    def undo(self) -> None:
        self(-self.total)


def _all_of(job: Download, come: _Counted, stop: Event) -> Any:
    """Append to the partial file until it is whole; its digest."""
    import httpx2

    failures, here = 0, _Here.of(job)
    come(here.size)
    while job.size is None or here.size != job.size:
        before = here.size
        try:
            _append(job, here, come, stop)
            break
        except (httpx2.TransportError, OSError) as error:
            failures = 0 if here.size - before >= ENOUGH else failures + 1
            wait = waiting_time(failures, wait_asked_for(error), MAX_WAIT)
            if not _is_passing(error) or wait is None:
                raise
            if failures >= TRIES:
                raise _given_up(error, job, here.size) from error
            logger.info("%s: %s; resuming in %.0f s", job.name, error, wait)
            if stop.wait(wait):
                raise Stopped from error
            if _status(error) == 416 or job.size is None:
                _start_over(job, here, come)
    job.partial.touch()  # an empty file came without a request
    return here.digest


@dataclass
class _Here:
    """What of a file is here: how much, and the digest so far."""

    size: int
    digest: Any

    @classmethod
    def of(cls, job: Download) -> _Here:
        """Reads what an earlier download left; nothing that is larger than the file."""
        digest = new_digest(job)
        try:
            size = job.partial.stat().st_size
        except FileNotFoundError:
            return cls(0, digest)
        if job.size is None or size > job.size or not job.partial.is_file():
            job.partial.unlink()  # nobody says how much is missing
            return cls(0, digest)
        with job.partial.open("rb") as file:
            while part := file.read(CHUNK):
                digest.update(part)
        return cls(size, digest)


def _start_over(job: Download, here: _Here, come: _Counted) -> None:
    come.undo()
    job.partial.unlink(missing_ok=True)
    here.size, here.digest = 0, new_digest(job)


def _append(job: Download, here: _Here, come: _Counted, stop: Event) -> None:
    """One request: the rest of the file."""
    with _answer(job, here.size) as answer:
        if here.size and answer.status_code != 206:  # ranges are ignored: all of it comes again
            _start_over(job, here, come)
        check_announced(job, here.size, answer)
        with job.partial.open("ab", buffering=0) as file:
            for part in answer.iter_bytes():
                _write_all(file, part)
                here.digest.update(part)
                here.size += len(part)
                come(len(part))
                if stop.is_set():
                    raise Stopped
                if job.size is not None and here.size > job.size:
                    raise WrongContentError(
                        f"{job.name}: more than the announced {job.size:,} bytes came"
                    )


def _write_all(file: Any, part: bytes) -> None:
    """An unbuffered file takes less than it gets where the disk ends; what it took stays for the next time."""
    rest = memoryview(part)
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def _answer(job: Download, start: int) -> Iterator[Any]:
    """The open answer to a request for what is missing."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session, hf_raise_for_status

    headers = {**job.headers, "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", job.url, headers=headers, timeout=timeout) as answer:
        hf_raise_for_status(answer)
        yield answer


def _is_passing(error: Exception) -> bool:
    """Whether trying again may help: the line, or a server that is busy; not the disk, nor a refusal."""
    import httpx2

    status = _status(error)
    if status is not None:
        return status in BUSY or status == 416
    return isinstance(error, httpx2.TransportError) and not isinstance(
        error, httpx2.ProxyError | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError
    )


def _status(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def wait_asked_for(error: Exception) -> float | None:
    """Seconds that a busy server asks to wait."""
    from huggingface_hub.utils import parse_ratelimit_headers

    response = getattr(error, "response", None)
    if response is None:
        return None
    limit = parse_ratelimit_headers(response.headers)
    if limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    return retry_after(response.headers)


def _given_up(error: Exception, job: Download, here: int) -> Exception:
    """A server's words as they are; a line that breaks says how far it came."""
    if _status(error) is not None:
        return error
    whole = f" of {job.size:,}" if job.size is not None else ""
    request = getattr(error, "_request", None)
    host = f" to {request.url.host}" if request is not None else ""
    return BrokenOffError(
        f"{job.name}: {here:,}{whole} bytes are here, then {TRIES} requests{host} in a row failed"
    )

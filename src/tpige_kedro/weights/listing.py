"""What a repository of the hub has: one request, or none if the cache knows it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from tpige_kedro.services.retries import waiting_time
from tpige_kedro.weights.hub import COMMIT, remember_commit
from tpige_kedro.weights.hub_cache import CachedRepository, HubFile
from tpige_kedro.weights.hub_errors import Asked, NonsenseError, model_error

PATIENCE = 20.0  # seconds for the answer
TRIES = 3
MAX_WAIT = 60.0  # seconds
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Listing:
    """The files of a repository at a commit, and whether its terms have to be accepted (``gated``)."""

    commit: str
    files: dict[str, HubFile]
    gated: bool = False


_listings: dict[tuple[str, str], Listing] = {}


def listed(place: str, revision: str | None = None, tries: int = TRIES) -> Listing:
    """Ask the hub.

    Raises:
        ModelError: no answer, a refusal, or an answer that is not the hub's.
    """
    try:
        info = _asked(place, revision, tries)
        found = Listing(_commit(info), _files(info), bool(info.gated))
    except Exception as error:  # of the network, of the hub, of JSON that is none
        raise model_error(error, Asked(place, revision)) from error
    remember_commit(place, revision, found.commit)
    _listings[place, found.commit] = found
    return found


def known_listing(place: str, commit: str) -> Listing | None:
    """What this process was told, else what the cache says."""
    found = _listings.get((place, commit))
    files = None if found else CachedRepository.of(place).listing(commit)
    return found or (Listing(commit, files) if files is not None else None)


def forget_listings() -> None:
    """Know nothing any more: for tests."""
    _listings.clear()


def keep_listing(place: str, commit: str, repository: CachedRepository) -> None:
    """Note in the cache what this process was told."""
    if (found := _listings.get((place, commit))) and repository.listing(commit) is None:
        repository.keep_listing(commit, found.files)


def check_access(place: str) -> None:
    """Ask the hub whether the token in use may read a gated repository.

    Raises:
        ModelError: it may not, or there is none.
    """
    from huggingface_hub import HfApi

    try:
        HfApi().auth_check(place)
    except Exception as error:
        raise model_error(error, Asked(place)) from error


def _asked(place: str, revision: str | None, tries: int) -> Any:
    from huggingface_hub import HfApi, constants

    patience = max(PATIENCE, constants.HF_HUB_DOWNLOAD_TIMEOUT)
    for attempt in range(tries):
        try:
            return HfApi().model_info(
                place, revision=revision, files_metadata=True, timeout=patience
            )
        except Exception as error:
            wait = _wait_before_next(error, attempt)
            if wait is None or attempt == tries - 1:
                raise
            time.sleep(wait)
    raise AssertionError


def _wait_before_next(error: Exception, attempt: int) -> float | None:
    """Seconds before the hub is asked once more; None if that does not help."""
    import httpx2

    from tpige_kedro.weights.download import wait_asked_for

    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in PASSING or isinstance(error, httpx2.ReadError | httpx2.RemoteProtocolError):
        return waiting_time(attempt, wait_asked_for(error), MAX_WAIT)
    return None


def _commit(info: Any) -> str:
    if not isinstance(info.sha, str) or not COMMIT.match(info.sha):
        raise NonsenseError(f"it names no commit: {info.sha!r}")
    return info.sha


def _files(info: Any) -> dict[str, HubFile]:
    if info.siblings is None:
        raise NonsenseError("it lists no files")
    files = {}
    for sibling in info.siblings:
        name, size, git = sibling.rfilename, sibling.size, sibling.blob_id
        parts = str(name).split("/")
        if not isinstance(name, str) or {"", ".", ".."} & set(parts) or "\\" in name:
            raise NonsenseError(f"it lists a file {name!r}")
        sha256 = sibling.lfs.sha256 if sibling.lfs else None
        hashes = (git,) if sha256 is None else (git, sha256)
        if not isinstance(size, int) or not all(HASH.fullmatch(str(h)) for h in hashes):
            raise NonsenseError(f"it gives no size or no hash of {name}")
        files[name] = HubFile(name, size, git, sha256)
    return files

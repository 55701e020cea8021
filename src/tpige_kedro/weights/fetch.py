"""From a place to files on this machine: local ones as they are, those of the hub from its cache, else downloaded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event
from urllib.parse import quote

from tpige_kedro.errors import ModelError
from tpige_kedro.files.sizes import readable_size
from tpige_kedro.weights.download import Advance, Download, Stopped, download
from tpige_kedro.weights.hub import COMMIT, names_of
from tpige_kedro.weights.hub_cache import MAIN, CachedRepository, HubFile
from tpige_kedro.weights.hub_errors import Asked, endpoint, model_error
from tpige_kedro.weights.listing import keep_listing
from tpige_kedro.weights.remote import Remote, here, remote
from tpige_kedro.weights.room import room_problems
from tpige_kedro.weights.sources import local_path

logger = logging.getLogger(__name__)

WORKERS = 4  # files at the same time


def fetched(place: str, revision: str | None = None, files: Sequence[str] = ()) -> Path:
    """The file or folder that holds ``files`` of ``place`` on this machine; everything is loaded from there.

    What the hub's cache holds is found without asking the hub, with and without ``HF_HUB_OFFLINE``. Else just these files are
    downloaded: resumed where an earlier download ended, checked by size and hash, and given their names when all are here.

    Args:
        place: a local file or folder, or a hub id.
        revision: pins a hub id: a commit, branch or tag.
        files: patterns of what is needed (:mod:`~tpige_kedro.weights.wanted`); none means all that a model can be loaded from.

    Raises:
        ModelError: what could not be had and why, in the hub's own words, and what to do.
    """
    path = local_path(place)
    if path.exists():
        return path
    found = here(place, revision, files)
    if found is None:
        found = remote(place, revision, files)
        if not found.cached:
            complete(found, revision)
    return found.folder


def complete(found: Remote, revision: str | None = None) -> None:
    """Download what is missing of a repository, then give every file its name.

    Raises:
        ModelError: see :func:`fetched`.
    """
    assert found.commit is not None
    repository = CachedRepository.of(found.place)
    try:
        _require_room(found)
        keep_listing(found.place, found.commit, repository)
        if found.missing:
            _download(found, repository)
        for file in found.wanted:
            repository.link(found.commit, file)
        names = {revision or MAIN, *names_of(found.place, found.commit)}
        for name in names:
            if not COMMIT.match(name):
                repository.point(name, found.commit)
    except ModelError:
        raise
    except Exception as error:
        raise model_error(error, Asked(found.place, revision)) from error


def _require_room(found: Remote) -> None:
    """Whether the disk of the cache has room for what is to come."""
    for problem in room_problems([(found.folder, found.bytes)]):
        raise ModelError(f"model source {found.place!r}: {problem}")


def _download(found: Remote, repository: CachedRepository) -> None:
    """All missing files, several at a time; the first one that fails ends the others."""
    from huggingface_hub.utils import tqdm

    size = sum(file.size for file in found.missing)
    logger.info(
        "downloading %d files, %s, of %s", len(found.missing), readable_size(size), found.place
    )
    stop = Event()
    blobs = {file.blob: file for file in found.missing}  # equal contents come once
    with (
        tqdm(total=size, unit="B", unit_scale=True, desc=found.place) as bar,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        jobs = [
            pool.submit(_download_file, found, repository, file, bar.update, stop)
            for file in sorted(blobs.values(), key=lambda file: file.size)
        ]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            for job in jobs:  # the others only say that they were stopped
                if not job.cancelled() and not isinstance(job.exception(), Stopped | None):
                    job.result()
            raise


def _download_file(
    found: Remote, repository: CachedRepository, file: HubFile, advance: Advance, stop: Event
) -> None:
    """One content into the cache, unless another process has brought it meanwhile."""
    from huggingface_hub.utils import WeakFileLock, build_hf_headers

    lock = repository.lock(file)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if repository.has(file):
            advance(file.size)
            return
        job = Download(
            file.name,
            f"{endpoint()}/{found.place}/resolve/{found.commit}/{quote(file.name)}",
            repository.partial(file),
            repository.blob(file),
            file.size,
            file.digest,
            build_hf_headers(),
        )
        download(job, advance, stop)

"""The identity of local weights: the sha256 of every file, computed once and remembered for the user.

Hashing 30 GB takes half a minute and asking for size and time takes none, so each file's hash is kept as long as these stay.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tpige_kedro.files.known import KnownFiles

logger = logging.getLogger(__name__)

STORE = "weights.json"
DOCUMENTATION = frozenset({".md", ".jsonl", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf"})
DOCUMENTS = frozenset({"LICENSE", "LICENCE", "NOTICE"})  # up to their first dot
FRESH = 2_000_000_000  # nanoseconds in which a file may change again without a new time


def content_revision(path: Path) -> str:
    """The sha256, in hex, over the names and contents of all files of a model; of one file, over its content.

    All files count except documentation (model cards, pictures, logs, licences) and hidden ones, those in linked folders too. The
    folder may lie anywhere: names are relative to it.
    """
    known = _known(_store())
    digest = hashlib.sha256()
    for name, file in sorted(counted_files(path)):
        digest.update(f"{name}\0{_sha256(known, file)}\n".encode())
    _remember(known)
    return digest.hexdigest()


def counted_files(path: Path) -> Iterator[tuple[str, Path]]:
    """The files that decide what a model does, each with its name relative to ``path``."""
    if path.is_file():
        yield "", path
        return
    seen: set[str] = set()  # a link to a folder above would never end
    for folder, folders, names in os.walk(path, followlinks=True):
        place = os.path.realpath(folder)
        folders[:] = [] if place in seen else [name for name in folders if not _is_hidden(name)]
        for name in names if place not in seen else ():
            file = Path(folder, name)
            if not _is_hidden(name) and not is_documentation(name) and file.is_file():
                yield file.relative_to(path).as_posix(), file
        seen.add(place)


def is_documentation(name: str) -> bool:
    """Whether a file of this name is for people to read: no model looks at it.

    >>> [is_documentation(name) for name in ("README.md", "LICENSE.txt", "merges.txt")]
    [True, True, False]
    """
    return Path(name).suffix.lower() in DOCUMENTATION or name.partition(".")[0] in DOCUMENTS


def _is_hidden(name: str) -> bool:
    """Of the hub's downloader, of git, of file managers."""
    return name.startswith(".")


def _sha256(known: KnownFiles, file: Path) -> str:
    from tpige_kedro.files.known import sha256_of

    if abs(time.time_ns() - file.stat().st_mtime_ns) < FRESH:
        return sha256_of(file)
    return known.sha256(file)


def _store() -> Path | None:
    """Where the hashes are kept: ``$TPIGE_CACHE``, else ``tpige_kedro`` in the user's folder of caches."""
    try:
        own, caches = os.environ.get("TPIGE_CACHE"), os.environ.get("XDG_CACHE_HOME")
        folder = Path(own) if own else Path(caches or "~/.cache") / "tpige_kedro"
        return folder.expanduser() / STORE
    except RuntimeError:  # this user has no home
        return None


@cache
def _known(store: Path | None) -> KnownFiles:
    from tpige_kedro.files.known import KnownFiles

    return KnownFiles(store)


def _remember(known: KnownFiles) -> None:
    from kedro.io import DatasetError

    try:
        known.save()
    except (OSError, DatasetError) as error:
        logger.debug("hashes of weights are not cached: %s", error)

"""Saving a file so that it is either there and whole, or not there at all."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from kedro.io import DatasetError

PREFIX = ".tmp-"
STALE_SECONDS = 3600  # no file takes an hour to write: what is older was left by a killed run

REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EACCES: "the folder is not writable: change its permissions or set another data_root",
    errno.EPERM: "the folder is not writable: change its permissions or set another data_root",
    errno.EROFS: "the file system is read-only: set another data_root",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away or set another data_root",
}


def is_temporary(path: Path) -> bool:
    """Whether ``path`` is an unfinished file of :func:`save_atomically`, which never counts as a result."""
    return path.name.startswith(PREFIX)


def save_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk, and rename it to ``path``.

    Renaming is atomic on local and on shared POSIX disks, so a run killed at any moment leaves the old file, the new
    one, or a temporary one that nobody reads.

    Raises:
        DatasetError: the file could not be written; names the path and what to do.
    """
    temporary = path.parent / f"{PREFIX}{secrets.token_hex(4)}-{path.name}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except (OSError, DatasetError) as error:
        cause = _os_error(error)
        if cause is None:
            raise
        remedy = REMEDIES.get(cause.errno or 0, "mend the cause")
        raise DatasetError(
            f"cannot save {path}: {cause.strerror or cause}; {remedy}, then run the same command again "
            "(what is finished is kept)"
        ) from error
    finally:
        _remove(temporary)


def sweep_temporary_files(folder: Path, older_than: float = STALE_SECONDS) -> int:
    """Delete temporary files left by killed runs more than ``older_than`` seconds ago; return how many."""
    limit = time.time() - older_than
    stale = [path for path in folder.rglob(f"{PREFIX}*") if path.stat().st_mtime < limit]
    for path in stale:
        _remove(path)
    return len(stale)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:  # the parent is a file: nothing was written
        return


def _os_error(error: BaseException | None) -> OSError | None:
    """The operating system's error behind ``error``, which a dataset may have wrapped."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__
    return error

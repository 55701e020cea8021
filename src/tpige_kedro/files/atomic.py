"""Saves a file so that it is either complete or not there at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import kedro.io

from tpige_kedro.files.errors import DatasetError

PREFIX = ".tmp-"

REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the file is larger than the limit for files: raise it (ulimit -f unlimited)",
    errno.EACCES: "the folder is not writable: change its permissions or set another data_root",
    errno.EPERM: "the folder is not writable: change its permissions or set another data_root",
    errno.EROFS: "the file system is read-only: set another data_root",
    errno.ENOTDIR: "there is a file where a folder is needed: move it away or set another data_root",
    errno.EEXIST: "there is a file where a folder is needed: move it away or set another data_root",
}


def is_temporary(name: str) -> bool:
    """Whether ``name`` is an unfinished file of :func:`save_atomically`, which never counts as a result.

    >>> is_temporary(".tmp-1a2b3c4d-clip.mp4"), is_temporary("clip.mp4")
    (True, False)
    """
    return name.startswith(PREFIX)


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
    except (OSError, kedro.io.DatasetError) as error:
        cause = _os_error(error)
        if cause is None:
            raise
        remedy = REMEDIES.get(cause.errno or 0, "fix the cause")
        raise DatasetError(
            f"cannot save {path}: {cause.strerror or cause}; {remedy}, then run the same command again "
            "(finished items are kept)"
        ) from error
    finally:
        remove(temporary)


def save_bytes(path: Path, content: bytes) -> bool:
    """Save ``content`` atomically unless ``path`` holds just that; return whether it was written."""
    with suppress(OSError):
        if path.read_bytes() == content:
            return False
    save_atomically(path, lambda temporary: _write_bytes(temporary, content))
    return True


def sweep(folder: Path | str) -> None:
    """Delete the unfinished files of a folder, whose writers are gone; not those of folders in it."""
    for entry in os.scandir(folder):
        if is_temporary(entry.name) and not entry.is_dir():
            remove(Path(entry.path))


def remove(path: Path) -> None:
    """Delete a file; do nothing if there is none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _os_error(error: BaseException | None) -> OSError | None:
    """The operating system's error behind ``error``, which a dataset may have wrapped."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__
    return error

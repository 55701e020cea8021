"""File locks: taken, tested, and released when their process ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tpige_kedro.files.atomic import remove

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)

Identity = tuple[int, int]  # device and inode of a file


@contextmanager
def store_lock(path: Path) -> Iterator[None]:
    """Let one process at a time in, the others wait: for making or migrating the SQLite file ``path``.

    The lock file is ``<path>.lock``. Where it cannot be made nobody waits, and SQLite says what is wrong with the folder.
    """
    file = path.with_name(f"{path.name}.lock")
    handle = _wait_for(file)
    try:
        yield
    finally:
        if handle is not None:
            with suppress(OSError):
                remove(file)
            os.close(handle)


def _wait_for(file: Path) -> int | None:
    try:
        import fcntl

        while True:
            handle = os.open(file, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if identity_of(handle) == identity_of(file):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
    except (ImportError, OSError):
        return None


def try_lock(handle: int) -> bool | None:
    """Lock a file: True if it is locked now, False if another process has locked it, None if that is unknown."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows; disks without file locks
        return None
    return True


def open_if_there(file: Path) -> int | None:
    """Open a file, for writing if that is allowed; None if there is none. A symbolic link is an error."""
    try:
        return os.open(file, os.O_RDWR | NO_FOLLOW)
    except FileNotFoundError:
        return None
    except PermissionError:  # another user's: readable at least
        return os.open(file, os.O_RDONLY | NO_FOLLOW)


def identity_of(file: int | Path) -> Identity | None:
    """Which file an open one is, or lies at a path; None if there is none."""
    try:
        state = os.fstat(file) if isinstance(file, int) else os.lstat(file)
    except FileNotFoundError:
        return None
    return state.st_dev, state.st_ino

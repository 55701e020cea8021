"""One writer at a time: the lock of a data root.

The kernel releases a file lock (``flock``) when its process dies, however it dies, so a lock of this host is never stale. Where
that cannot be seen, on disks shared with other hosts, a heartbeat says whether the holder still lives.
"""

from __future__ import annotations

import atexit
import errno
import logging
import os
import secrets
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.file_lock import (
    NO_FOLLOW,
    Identity,
    identity_of,
    open_if_there,
    store_lock,
    try_lock,
)
from tpige_kedro.execution.holder import (
    NOBODY_KNOWN,
    Holder,
    read_holder,
    this_command,
    this_process,
)
from tpige_kedro.files.atomic import PREFIX, REMEDIES, remove

__all__ = ["DataRootLock", "Held", "Holder", "store_lock"]

logger = logging.getLogger(__name__)

FILE = "run.lock"
BEAT = 20.0  # seconds between two heartbeats
SILENCE = 90.0  # seconds without a heartbeat after which a holder on another host counts as dead
POLL = 1.0  # seconds between two attempts of one that waits
TAKING_OVER = 2.0  # seconds in which another starter has put its name where a dead holder's stood
SETTLING = 1.0  # seconds after which another attempt to take over the same lock shows, where locks are not seen
NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class Held(TpigeError):
    """Another run writes to this data root."""


class DataRootLock:
    """The right to write below ``root``: ``<root>/run.lock`` names who has it.

    The file is written and locked under another name and then put in its place, so that nobody ever sees it empty or unlocked.
    It is removed under its lock; whoever locks a file looks whether it is still the one in that place.

    >>> import tempfile
    >>> lock = DataRootLock(Path(tempfile.mkdtemp()), command="kedro run")
    >>> lock.acquire()
    >>> lock.release()
    """

    def __init__(self, root: Path, command: str = "") -> None:
        self.root = root
        self.path = root / FILE
        self.command = command or this_command()
        self._handle: int | None = None
        self._identity: Identity | None = None
        self._ended = threading.Event()

    def acquire(self, wait: bool = False) -> None:
        """Take the lock; with ``wait``, as soon as whoever has it lets go.

        Raises:
            Held: another process, or another thread of this one, has it.
            TpigeError: the folder cannot be written to.
        """
        patience, announced = time.monotonic() + TAKING_OVER, None
        while (holder := self._attempt()) is not None:
            if (holder.is_dead or holder is NOBODY_KNOWN) and time.monotonic() < patience:
                time.sleep(0.02)
                continue
            if not wait:
                raise Held(
                    f"another run is writing to {self.root} ({holder}): let it finish, wait for it with --params=wait=true, or "
                    "choose another folder with --params=data_root=/path"
                )
            if holder != announced:
                logger.info("waiting for the run that is writing to %s (%s)", self.root, holder)
                announced = holder
            time.sleep(POLL)
        self._ended = threading.Event()
        threading.Thread(target=self._beat, args=(self._ended,), daemon=True).start()
        _held.add(self)
        atexit.register(self.release)
        self._sweep()

    def release(self) -> None:
        """Let go; nothing happens if this process does not have it."""
        if self._identity is None:
            return
        self._ended.set()
        atexit.unregister(self.release)
        with suppress(OSError):  # the file may stay: it names a process that does not lock it
            if self._is_ours():
                remove(self.path)
        self.forget()

    def forget(self) -> None:
        """Close the file and leave it as it is."""
        _held.discard(self)
        if self._handle is not None:
            os.close(self._handle)
        self._handle = self._identity = None

    def _attempt(self) -> Holder | None:
        """Take the lock and return None, or return who has it."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            while True:
                there = open_if_there(self.path)
                if there is None:
                    if self._put(os.link):
                        return None
                    continue
                try:
                    locked = try_lock(there)
                    if identity_of(there) != identity_of(self.path):
                        continue  # removed or replaced since it was opened
                    holder = read_holder(there)
                    if locked is False or self._lives(holder, there, locked):
                        return holder or NOBODY_KNOWN
                    self._put(os.replace)  # under the lock of the file that is replaced
                finally:
                    os.close(there)
                if locked is None or (holder is not None and not holder.is_here):
                    time.sleep(SETTLING)
                if self._is_ours():
                    return None
                self.forget()
        except OSError as error:
            raise self._explain(error) from error

    def _put(self, place: Callable[[Path, Path], object]) -> bool:
        """Make the lock file, written and locked, and ``place`` it; whether nobody else was there first."""
        temporary = self.root / f"{PREFIX}{secrets.token_hex(4)}-{FILE}"
        handle: int | None = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        assert handle is not None
        try:
            os.write(handle, this_process(self.command).to_json())
            identity = identity_of(handle)
            if not try_lock(handle):  # the heartbeat has to do
                os.close(handle)
                handle = None
            place(temporary, self.path)
        except OSError as error:
            if handle is not None:
                os.close(handle)
            if place is os.link and error.errno in NO_LINKS:
                with suppress(FileExistsError):
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o644))
            elif not isinstance(error, FileExistsError | FileNotFoundError):
                raise
            return False
        finally:
            remove(temporary)
        self._handle, self._identity = handle, identity
        return True

    def _sweep(self) -> None:
        """Delete files of starters that were killed in the moment before they had put theirs in its place."""
        for file in self.root.glob(f"{PREFIX}*-{FILE}"):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > SILENCE:
                    remove(file)

    def _lives(self, holder: Holder | None, handle: int, locked: bool | None) -> bool:
        """Whether ``holder`` has the lock although its file lock is not to be seen."""
        if holder is None or holder.is_dead or (holder.is_here and locked):
            return False
        with tempfile.TemporaryFile(dir=self.root) as now:  # by the clock of the disk
            return os.fstat(now.fileno()).st_mtime - os.fstat(handle).st_mtime < SILENCE

    def _is_ours(self) -> bool:
        return self._identity is not None and identity_of(self.path) == self._identity

    def _beat(self, ended: threading.Event) -> None:
        """Touch the file until the lock is let go."""
        while not ended.wait(BEAT):
            with suppress(OSError):  # a disk that is away for a moment
                if self._is_ours():
                    os.utime(self.path)
                elif not ended.is_set():
                    logger.error(
                        "%s was removed or taken over by another run: two runs may be writing to this folder; stop one of them",
                        self.path,
                    )
                    return

    def _explain(self, error: OSError) -> TpigeError:
        remedy = REMEDIES.get(error.errno or 0, "set another data_root")
        if error.errno in {errno.ELOOP, errno.EISDIR}:
            remedy = f"{self.path} has to be a plain file: delete what is there"
        elif error.errno == errno.EEXIST:
            remedy = REMEDIES[errno.ENOTDIR]
        return TpigeError(f"cannot lock {self.root}: {error.strerror}; {remedy}")


_held: weakref.WeakSet[DataRootLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child would keep the lock of a parent that dies."""
    for lock in list(_held):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)

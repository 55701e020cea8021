"""One writer at a time: the lock of a data root, and a lock for making a fresh MLflow store.

The kernel releases a file lock (``flock``) when its process dies, however it dies, so a lock of this host is never stale. Where
that cannot be seen, on disks shared with other hosts, a heartbeat says whether the holder still lives.
"""

from __future__ import annotations

import atexit
import errno
import json
import logging
import os
import secrets
import shlex
import socket
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from tpige_kedro.errors import TpigeError
from tpige_kedro.files.atomic import PREFIX, REMEDIES, remove

logger = logging.getLogger(__name__)

FILE = "run.lock"
BEAT = 20.0  # seconds between two heartbeats
SILENCE = (
    90.0  # seconds without a heartbeat after which a holder that cannot be asked counts as dead
)
POLL = 1.0  # seconds between two attempts of one that waits
TAKING_OVER = 2.0  # seconds in which another starter has put its name where a dead holder's stood
SETTLING = 1.0  # seconds after which another attempt to take over the same lock shows, where locks are not seen
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
LONGEST_COMMAND = 200  # characters

Identity = tuple[int, int]  # device and inode of a file


class Held(TpigeError):
    """Another run writes to this data root."""


@dataclass(frozen=True)
class Holder:
    """Who has the lock: the content of the lock file."""

    host: str
    pid: int
    started: str
    command: str

    def __str__(self) -> str:
        return f"host {self.host}, pid {self.pid}, since {self.started}, {self.command}"

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this host."""
        return self.host == socket.gethostname()

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended; unknown for processes of other hosts."""
        return self.is_here and not _is_alive(self.pid)


NOBODY_KNOWN = Holder("unknown", 0, "unknown", "unknown")


def this_command() -> str:
    """The command line of this process, as the lock file shows it."""
    program, *arguments = sys.argv or [""]
    name = Path(program).name if Path(program).stem != "__main__" else Path(program).parent.name
    return shlex.join([name or "python", *arguments])[:LONGEST_COMMAND]


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
                there = _open(self.path)
                if there is None:
                    if self._put(os.link):
                        return None
                    continue
                try:
                    locked = _flock(there)
                    if _identity(there) != _identity(self.path):
                        continue  # removed or replaced since it was opened
                    holder = _read(there)
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
            os.write(handle, self._content())
            identity = _identity(handle)
            if not _flock(handle):  # the heartbeat has to do
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

    def _content(self) -> bytes:
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        holder = Holder(socket.gethostname(), os.getpid(), started, self.command)
        return json.dumps(asdict(holder), ensure_ascii=False, indent=1).encode() + b"\n"

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
        return self._identity is not None and _identity(self.path) == self._identity

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
                if _identity(handle) == _identity(file):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
    except (ImportError, OSError):
        return None


def _flock(handle: int) -> bool | None:
    """Lock a file: True if it is locked now, False if another process has locked it, None where that cannot be told."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows; disks without file locks
        return None
    return True


def _open(file: Path) -> int | None:
    try:
        return os.open(file, os.O_RDWR | NO_FOLLOW)
    except FileNotFoundError:
        return None
    except PermissionError:  # another user's: readable at least
        return os.open(file, os.O_RDONLY | NO_FOLLOW)


def _identity(file: int | Path) -> Identity | None:
    try:
        state = os.fstat(file) if isinstance(file, int) else os.lstat(file)
    except FileNotFoundError:
        return None
    return state.st_dev, state.st_ino


def _read(handle: int) -> Holder | None:
    """What the lock file says; None if it is empty or damaged."""
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        content = json.loads(os.read(handle, 4096))
        return Holder(
            str(content["host"]),
            int(content["pid"]),
            str(content["started"]),
            str(content["command"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    if sys.platform == "win32":  # where os.kill(pid, 0) would end it; the heartbeat has to do
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's process
        return True
    return True


_held: weakref.WeakSet[DataRootLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child would keep the lock of a parent that dies."""
    for lock in list(_held):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)

"""Runs one input in a process of its own and says what came of it."""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 20  # longer is a hang
MEGABYTES = 2_000  # more is a failure
WRONG = ("unnamed", "traceback", "hang", "memory", "crash")


@dataclass(frozen=True)
class Outcome:
    """``result``, or ``named``: an error that names the sample or the file; the others of :data:`WRONG` are faults of ours."""

    word: str
    message: str
    megabytes: int


def guarded(act: Callable[[], None], names: tuple[str, ...], log: Path) -> Outcome:
    """What comes of ``act`` in a forked process; an error of ours must hold one of ``names``."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _in_child(act, names, log)
    _, status, usage = os.wait4(child, 0)
    megabytes = usage.ru_maxrss // 1024
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        word = "hang" if number in (signal.SIGALRM, signal.SIGXCPU) else "crash"
        return Outcome(word, signal.Signals(number).name, megabytes)
    word, _, message = log.read_text(errors="replace").partition("\n")
    if megabytes > MEGABYTES:
        word = "memory"
    return Outcome(word, message, megabytes)


def _in_child(act: Callable[[], None], names: tuple[str, ...], log: Path) -> None:
    """Never returns. The alarm's default action ends the process, also inside a library that never returns to Python."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    limit = _virtual_memory() + MEGABYTES * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    try:
        act()
        said = "result"
    except MemoryError:
        said = f"memory\n{traceback.format_exc()}"
    except Exception as error:
        said = _judged(error, names)
    log.write_text(said, errors="replace")
    os._exit(0)


def _judged(error: Exception, names: tuple[str, ...]) -> str:
    from kedro.io import DatasetError

    from tpige_kedro.errors import TpigeError

    message = str(error)
    if not isinstance(error, TpigeError | DatasetError):
        return f"traceback\n{traceback.format_exc()}"
    word = "named" if not names or any(n in message for n in names) else "unnamed"
    return f"{word}\n{message}"


def _virtual_memory() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()

"""The inside of a worker: it does tasks, makes the files, and reports what it logged."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import platform
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.engines.protocol import Answer, Hello
from tpige_kedro.execution.work import Finished, Made, Outcome, Result, Task, Write

OUT_OF_MEMORY = 137  # exit code, as of a process that the kernel killed
KILLED = "its process was killed, ran out of memory, or crashed"
LIMITED = "its process was killed, took more memory than execution.worker_gib ({:g}), or crashed"
GIB = 2**30


@dataclass(frozen=True)
class Surroundings:
    """What a worker has in common with the process that started it: folder, import paths, threads of the networks.

    ``gib`` is the host memory that it may use, None for no limit.
    """

    folder: str
    paths: tuple[str, ...]
    threads: int | None = None
    gib: float | None = None

    @classmethod
    def of_this_process(cls, threads: int | None, gib: float | None) -> Surroundings:
        """Those of this process; ``OMP_NUM_THREADS`` in its environment wins over ``threads``."""
        said = os.environ.get("OMP_NUM_THREADS", "")
        count = int(said) if said.isdigit() and int(said) > 0 else threads
        return cls(os.getcwd(), tuple(p for p in sys.path if p), count, gib)

    def enter(self, has_gpu: bool) -> None:
        """Make them those of this process; called before anything imports torch."""
        if os.path.isdir(self.folder):
            os.chdir(self.folder)
        sys.path += [path for path in self.paths if path not in sys.path]
        if not has_gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ.pop("OMP_NUM_THREADS", None)  # set by Ray, to 1
        if self.threads is not None:
            os.environ["OMP_NUM_THREADS"] = str(self.threads)
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(self.threads)
        if self.gib is not None:
            threading.Thread(target=end_above, args=(self.gib * GIB,), daemon=True).start()


def end_above(limit: float, period: float = 0.2) -> None:
    """End this process once it has more than ``limit`` bytes in memory: better one worker than the whole machine."""
    import psutil

    me = psutil.Process()
    while me.memory_info().rss < limit:
        time.sleep(period)
    os._exit(OUT_OF_MEMORY)


def hello() -> Hello:
    """Who this process is."""
    from tpige_kedro.provenance import environment

    return Hello(platform.node(), os.getpid(), environment())


def do(task: Task, write: Write | None) -> Answer:
    """Do a task; its errors do not escape. What ``produce`` raises applies to all jobs without an outcome."""
    began = last = time.perf_counter()
    made: list[tuple[str, Made, float]] = []
    raised = None
    with said_in_here() as said:
        try:
            for job, one in task.produce(list(task.jobs)):
                made.append((job.key, one, time.perf_counter() - last))
                last = time.perf_counter()
        except Exception as error:  # decided where the task came from
            raised = error
        found = [(k, m.result() if isinstance(m, Future) else m, s) for k, m, s in made]
        outcomes = [(key, portable(outcome, write, seconds)) for key, outcome, seconds in found]
    errors = [o.failure if isinstance(o, Result) else o for _, o, _ in found] + [raised]
    broken = any(error is not None and is_broken_by(error) for error in errors)
    seconds = time.perf_counter() - began
    return Answer(outcomes, raised and portable_error(raised), broken, seconds, said)


def portable(outcome: Outcome, write: Write | None, seconds: float) -> Outcome:
    """The outcome as it travels: errors that can be pickled, where it was made, and the finished file instead of an output.

    An output that ``travels`` is bytes already. It is written where it is saved, so that the key that signs it stays there.
    """
    from tpige_kedro.provenance import environment

    if isinstance(outcome, Exception):
        return portable_error(outcome)
    try:
        travels = getattr(outcome.output, "travels", False)
        output = outcome.output if write is None or travels else file_of(outcome, write)
    except Exception as error:  # an output that no file can be made of is this item's failure
        return portable_error(error)
    details = {"environment": environment(), "seconds": round(seconds, 3), **outcome.details}
    failure = None if outcome.failure is None else portable_error(outcome.failure)
    return replace(outcome, output=output, details=details, failure=failure)


def file_of(result: Result, write: Write) -> Finished:
    """The bytes of the file that ``write`` makes of an output."""
    with tempfile.TemporaryDirectory(prefix="tpige-") as folder:
        file = Path(folder) / "output"
        write(result.output, file)
        data = file.read_bytes()
    return Finished(data, hashlib.sha256(data).hexdigest())


TEXT = "worker_traceback"  # among the attributes of an error on its way


class WorkerTraceback(Exception):
    """Where in a worker an error was raised: the cause of the error here, so that logs show it."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def arrived(error: Exception) -> Exception:
    """An error of :func:`portable_error` in the process that it travelled to."""
    text = error.__dict__.pop(TEXT, None)
    if text is not None:
        error.__cause__ = WorkerTraceback(text)
    return error


def portable_error(error: Exception) -> Exception:
    """``error`` as one that can be pickled, with the text of its traceback; its notes stay.

    >>> portable_error(ValueError("odd"))
    ValueError('odd')
    """
    text = "".join(traceback.format_exception(error))
    try:
        again: Exception = pickle.loads(pickle.dumps(error))
        if type(again) is not type(error) or str(again) != str(error):
            raise TypeError("it changes in transfer")
    except Exception:
        again = TpigeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            again.add_note(note)
    if not isinstance(error, TpigeError):
        again.__dict__[TEXT] = text
    return again


def is_broken_by(error: Exception) -> bool:
    """Whether the process can compute no more on its GPU after ``error``. Running out of its memory breaks nothing.

    >>> is_broken_by(RuntimeError("CUDA error: an illegal memory access was encountered"))
    True
    """
    link: BaseException | None = error
    while link is not None:
        name, text = type(link).__name__, str(link)
        if name == "AcceleratorError" or ("CUDA error" in text and name != "OutOfMemoryError"):
            return "out of memory" not in text
        link = link.__cause__ or link.__context__
    return False


class _Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        copy = logging.makeLogRecord(
            {**record.__dict__, "msg": record.getMessage(), "args": None, "exc_info": None}
        )
        if record.exc_info:
            copy.exc_text = "".join(traceback.format_exception(*record.exc_info))
        self.records.append(copy)


@contextmanager
def said_in_here() -> Iterator[list[logging.LogRecord]]:
    """Collects what this project logs in here from ``INFO`` on, and what others log from ``WARNING`` on."""
    handler, ours = _Said(), logging.getLogger("tpige_kedro")
    handler.addFilter(lambda r: r.levelno >= logging.WARNING or r.name.startswith("tpige_kedro"))
    root, before = logging.getLogger(), ours.level
    root.addHandler(handler)
    ours.setLevel(logging.INFO)
    try:
        yield handler.records
    finally:
        root.removeHandler(handler)
        ours.setLevel(before)

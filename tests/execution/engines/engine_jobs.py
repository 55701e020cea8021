"""Jobs for tests of engines: numbers are squared, words do harm. Whatever travels is defined here, where workers find it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.errors import ModelError
from tpige_kedro.execution.engines.in_process import Died
from tpige_kedro.execution.engines.in_use import use_engine
from tpige_kedro.execution.engines.protocol import Engine
from tpige_kedro.execution.work import Answers, Job, Outcome, Result, Run, Task, Work, fingerprint


class Unportable(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


@dataclass(frozen=True)
class Squares:
    """``marks`` is a folder in which each attempt leaves a file; ``seconds`` is how long a job takes; ``home`` is the first process."""

    marks: str
    suffix: str = ""
    seconds: float = 0.0
    home: int = field(default_factory=os.getpid)

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            attempt = len(list(Path(self.marks).glob(f"{job.key}-*")))
            (Path(self.marks) / f"{job.key}-{attempt}-{os.getpid()}").touch()
            time.sleep(self.seconds)
            if job.request == "full gpu":
                yield job, not_loaded(self.marks)
            elif isinstance(job.request, str):
                yield job, harm(job.request, attempt, job.key, self.home)
            else:
                square = job.request**2
                output: Any = str(square) if self.suffix else {"square": square}
                yield job, Result(output, {"seen": job.request})


def not_loaded(marks: str) -> Outcome:
    """A model for which there is room at the second attempt of all."""
    if len(list(Path(marks).glob("full*"))) > 1:
        return Result({"square": 0}, {"seen": "full gpu"})
    error = ModelError("models.m cannot be loaded (no memory)")
    error.not_loaded = True
    return error


def die(home: int) -> None:
    if os.getpid() == home:
        raise Died("killed")
    os.kill(os.getpid(), signal.SIGKILL)


def harm(word: str, attempt: int, key: str, home: int) -> Outcome:
    """What a request does that is a word; ``once`` at the first attempt only."""
    kind, _, once = word.partition(" ")
    if once and attempt:
        return Result({"square": 0}, {"seen": word})
    if kind == "die":
        die(home)
    if kind == "hang":
        time.sleep(600)
    if kind == "eat":
        eaten = []
        while True:
            eaten.append(b"x" * (32 << 20))
            time.sleep(0.02)
    if kind == "cuda":
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    if kind == "cuda_told":
        return RuntimeError("CUDA error: unspecified launch failure")
    if kind == "settings":
        raise ValueError("skip_layers: there is no layer 99")
    if kind == "crash":
        raise RuntimeError("shapes do not match")
    if kind == "unportable":
        error = Unportable("has a lock")
        error.add_note("(scorer x)")
        return error
    return KeyError(f"{key} is odd")


@dataclass
class Stage:
    """A stage over ``requests`` by key, ``size`` jobs a task, saved in ``folder``."""

    folder: Path
    requests: dict[str, Any]
    suffix: str = ""
    size: int = 1
    seconds: float = 0.0
    models: dict[str, str] = field(default_factory=dict)
    here: frozenset[str] = frozenset()
    commits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.marks.mkdir(parents=True, exist_ok=True)

    @property
    def marks(self) -> Path:
        return self.folder / "marks"

    def work(self) -> Work:
        does = Squares(str(self.marks), self.suffix, self.seconds)
        jobs = [
            Job(key, fingerprint(value=value), value, people=("p",))
            for key, value in self.requests.items()
        ]
        return Work("squares", jobs, does.produce, {"class": "Squares"}, share=self.share)

    def share(self, todo: list[Job], run: Run) -> Answers:
        yield from run(self.tasks(todo))

    def tasks(self, todo: Sequence[Job]) -> Iterator[Task]:
        does = Squares(str(self.marks), self.suffix, self.seconds)
        for start in range(0, len(todo), self.size):
            jobs = tuple(todo[start : start + self.size])
            key = jobs[0].key
            place: Any = "here" if key in self.here else "gpu"
            yield Task(does.produce, jobs, self.models.get(key, "squares"), len(jobs), place)

    def items(self) -> ItemFolder:
        output = "tpige_kedro.datasets.TextFile" if self.suffix else None
        folder = ItemFolder(path=str(self.folder / "items"), suffix=self.suffix, dataset=output)
        commit = folder.commit

        def counted(job: Job, *rest: Any) -> None:
            self.commits.append(job.key)
            commit(job, *rest)

        folder.commit = counted  # type: ignore[method-assign]
        return folder

    def run(self, engine: Engine) -> ItemFolder:
        items = self.items()
        with use_engine(engine):
            items.save(self.work())
        return items

    def attempts(self, key: str) -> int:
        return len(list(self.marks.glob(f"{key}-*")))

    def processes(self) -> set[str]:
        return {file.name.rpartition("-")[2] for file in self.marks.iterdir()}


def numbers(count: int) -> dict[str, Any]:
    return {f"k{i}": i for i in range(count)}

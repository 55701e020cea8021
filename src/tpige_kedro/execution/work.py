"""What a stage has to do, as data: jobs, how they are done, and what comes out. An item folder processes it, with an engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Job:
    """One item to make.

    ``key`` names its files (``vace/s1``); ``fingerprint`` stands for everything that decides its result; ``request`` is what
    ``produce`` needs to make it, or the exception that makes it impossible. ``group`` is the variant, for counting. ``people``
    are the ids of the persons whose photo or prompt is in the item. ``previous`` is the value of the item's intact record, for
    results that add to an earlier one; the item folder fills it in.
    """

    key: str
    fingerprint: str
    request: Any
    group: str = ""
    people: tuple[str, ...] = ()
    previous: Any = None


@dataclass(frozen=True)
class Result:
    """What a job made: ``output`` goes to the item's file or, where it is JSON, into its record; ``details`` go to the record.

    With ``failure`` only a part of it could be made: that part is kept, and the next run tries again. ``partial`` results are
    followed by another one of the same job.
    """

    output: Any
    details: dict[str, Any] = field(default_factory=dict)
    failure: Exception | None = None
    partial: bool = False


@dataclass(frozen=True)
class Finished:
    """The bytes of an item's file that another process has made, and their sha256; an ``output`` like others."""

    data: bytes
    sha256: str


Outcome = Result | Exception
Answers = Iterator[tuple[Job, Outcome]]
Made = Outcome | Future[Outcome]  # a future: still being finished elsewhere, which never raises
Produce = Callable[[list[Job]], Iterator[tuple[Job, Made]]]
Write = Callable[[Any, Path], None]  # writes an output to a file; can be pickled
Place = Literal["gpu", "cpu", "here"]


@dataclass(frozen=True)
class Task:
    """Jobs as data that another process can do: pickled, it holds all that ``produce`` needs, the weights excepted.

    ``models`` names what it loads; a worker prefers tasks whose models it holds. ``cost`` compares tasks of the same models: the
    longest are begun first. ``place`` is a worker with a GPU, one that need not have any (``cpu``), or ``here``: the process that
    commits, for work that waits for a service or costs money.
    """

    produce: Produce
    jobs: tuple[Job, ...]
    models: str = ""
    cost: float = 1.0
    place: Place = "gpu"


Run = Callable[[Iterable[Task]], Answers]


@dataclass(frozen=True)
class Work:
    """What a node returns for an item folder: all items that should be there, and how to make those that are not.

    ``produce`` is called only if something is left to do, so that a finished stage loads no model. ``maker`` says in records who
    made them. ``paid`` items are never made again because their file was damaged: they cost money. ``share`` says how workers do
    the jobs instead: it hands tasks to the function that it is given, and passes on what that returns, in any order. Without it
    the jobs stay in this process.
    """

    label: str
    jobs: Sequence[Job]
    produce: Produce
    maker: dict[str, Any] = field(default_factory=dict)
    paid: Callable[[Job], bool] = lambda job: False
    untouched: frozenset[str] = frozenset()
    share: Callable[[list[Job], Run], Answers] | None = None


_to_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False).encode


def fingerprint(**parts: Any) -> str:
    """A hash of everything that decides a result; parts must be JSON types, their order does not matter.

    >>> fingerprint(seed=1, prompt="A chef.") == fingerprint(prompt="A chef.", seed=1)
    True
    """
    return hashlib.sha256(_to_json(parts).encode()).hexdigest()[:32]


def impossible(key: str, error: Exception, group: str = "", people: tuple[str, ...] = ()) -> Job:
    """The job of an item that cannot be made, for the reason ``error``: it fails without loading anything."""
    return Job(key, fingerprint(impossible=str(error)), error, group, people)

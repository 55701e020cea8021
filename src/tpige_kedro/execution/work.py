"""What a stage has to do, as data: jobs, how they are done, and what comes out. An item folder works it off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
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


Outcome = Result | Exception
Produce = Callable[[list[Job]], Iterator[tuple[Job, Outcome]]]


@dataclass(frozen=True)
class Work:
    """What a node returns for an item folder: all items that should be there, and how to make those that are not.

    ``produce`` is called only if something is left to do, so that a finished stage loads no model. ``maker`` says in records who
    made them. ``paid`` items are never made again because their file was damaged: they cost money.
    """

    label: str
    jobs: Sequence[Job]
    produce: Produce
    maker: dict[str, Any] = field(default_factory=dict)
    paid: Callable[[Job], bool] = lambda job: False
    untouched: frozenset[str] = frozenset()


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

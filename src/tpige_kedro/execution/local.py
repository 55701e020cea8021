"""Works jobs off one after another in this process, and commits each as it is finished."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedro.io import DatasetError

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.progress import shown_progress
from tpige_kedro.execution.tally import Tally, open_tally

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One item: ``key`` names its files, ``fingerprint`` stands for everything that decides its result.

    ``item`` is what a failure is told of, the key if it is empty: jobs that share an item and fail alike are told once.
    """

    key: str
    fingerprint: str
    request: Any
    item: str = ""


@dataclass(frozen=True)
class Result:
    """What a job made (``output`` goes to the output dataset) and what its record should keep."""

    output: Any
    details: dict[str, Any] = field(default_factory=dict)


Outcome = Result | Exception
Chunk = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def fingerprint(**parts: Any) -> str:
    """A hash of everything that decides a result; parts must be JSON types, their order does not matter."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def pending(jobs: Sequence[Job], completed: Mapping[str, str]) -> list[Job]:
    """The jobs whose record is missing or was made from something else."""
    return [job for job in jobs if completed.get(job.key) != job.fingerprint]


def work_off(
    label: str,
    jobs: Sequence[Job],
    completed: Mapping[str, str],
    produce: Callable[[list[Job]], Iterator[tuple[Job, Outcome]]],
) -> Iterator[Chunk]:
    """Yield (outputs, records, failures) chunk by chunk, for a Kedro generator node with three partitioned outputs.

    Kedro saves each chunk in this order, so a record exists only after its output: the record is the commit mark.
    A failed job yields a failure and no record, so that the next run tries it again, and voids the record that an
    earlier run made from something else (value ``None`` deletes the partition); a success clears an earlier failure.
    ``produce`` is called only if something is pending, so that a finished stage loads no model. A job that it forgets fails.
    """
    todo = pending(jobs, completed)
    tally = open_tally(label, total=len(jobs), reused=len(jobs) - len(todo))
    if jobs:
        logger.info("%s: %d of %d left to do", label, len(todo), len(jobs))
    yield {}, {}, {}  # a generator node with several outputs must yield at least once
    if not todo:
        return
    with shown_progress(label, len(todo)) as step:
        last = time.perf_counter()
        for job, outcome in _answer_all(todo, produce(todo)):
            seconds = time.perf_counter() - last
            step(job.key)
            yield (
                _failed(tally, job, outcome)
                if isinstance(outcome, Exception)
                else _done(tally, job, outcome, seconds)
            )
            last = time.perf_counter()


def _done(tally: Tally, job: Job, result: Result, seconds: float) -> Chunk:
    tally.done += 1
    record = {"key": job.key, "fingerprint": job.fingerprint, "seconds": round(seconds, 3)}
    return {job.key: result.output}, {job.key: {**record, **result.details}}, {job.key: None}


def _failed(tally: Tally, job: Job, error: Exception) -> Chunk:
    failure = {
        "key": job.item or job.key,
        "stage": tally.label,
        "error": type(error).__name__,
        "message": " ".join([str(error), *getattr(error, "__notes__", ())]),
    }
    if failure not in tally.failures:
        unforeseen = None if isinstance(error, TpigeError | DatasetError) else error
        logger.error("%s: %s failed: %s", tally.label, failure["key"], error, exc_info=unforeseen)
        tally.failures.append(failure)
    return {}, {job.key: None}, {job.key: failure}


def _answer_all(
    todo: Sequence[Job], outcomes: Iterator[tuple[Job, Outcome]]
) -> Iterator[tuple[Job, Outcome]]:
    """The outcomes, and an error for every job that got none."""
    unanswered = {job.key: job for job in todo}
    for job, outcome in outcomes:
        unanswered.pop(job.key, None)
        yield job, outcome
    for job in unanswered.values():
        yield (
            job,
            TpigeError(
                f"{job.key}: the model returned nothing for it; see its documentation or remove the item"
            ),
        )

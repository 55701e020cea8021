"""Works jobs off one after another in this process, and commits each as it is finished."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from kedro.io import DatasetError

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.progress import shown_progress
from tpige_kedro.execution.tally import Tallies, message_of
from tpige_kedro.execution.work import Job, Outcome, Produce, Result, Work

logger = logging.getLogger(__name__)


class Store(Protocol):
    """Where results go; an item folder is one."""

    def plan(self, work: Work) -> list[Job]:
        """Note which items are asked for, and return the jobs that are left to do."""
        ...

    def commit(self, job: Job, result: Result, seconds: float, work: Work) -> None:
        """Save a result and its record."""
        ...

    def fail(self, job: Job, error: Exception) -> None:
        """Save why a job failed; a finished item of the same key stays."""
        ...


def work_off(work: Work, store: Store) -> None:
    """Make what is missing, one job after another; each is saved as soon as it is finished.

    A job that fails is logged, counted and saved as a failure, so that the next run tries it again; the others go on. A job that
    ``produce`` forgets fails. What ``produce`` raises ends the run; what is finished by then stays.
    """
    todo = store.plan(work)
    tallies = Tallies(work, todo)
    if work.jobs:
        logger.info("%s: %d of %d left to do", work.label, len(todo), len(work.jobs))
    if not todo:
        return
    with shown_progress(work.label, len(todo)) as step:
        last = time.perf_counter()
        for job, outcome in _answers(todo, work.produce):
            seconds = time.perf_counter() - last
            error = _save(store, job, outcome, seconds, work)
            if isinstance(outcome, Result) and outcome.partial:
                continue
            tallies.count(job, error)
            if error is not None:
                _log_failure(tallies.label(job), job, error)
            # else the model in an error's traceback stays in memory while the next is loaded
            del outcome, error
            step(job.key)
            last = time.perf_counter()


def _save(store: Store, job: Job, outcome: Outcome, seconds: float, work: Work) -> Exception | None:
    """Save the outcome; return what failed of it."""
    if isinstance(outcome, Result):
        store.commit(job, outcome, seconds, work)
        return outcome.failure
    store.fail(job, outcome)
    return outcome


def _log_failure(label: str, job: Job, error: Exception) -> None:
    unforeseen = None if isinstance(error, TpigeError | DatasetError) else error
    logger.error("%s: %s failed: %s", label, job.key, message_of(error), exc_info=unforeseen)


def _answers(todo: Sequence[Job], produce: Produce) -> Iterator[tuple[Job, Outcome]]:
    """An outcome for every job: the error of those that are impossible, those of ``produce``, an error for what it forgot."""
    possible = []
    for job in todo:
        if isinstance(job.request, Exception):
            yield job, job.request
        else:
            possible.append(job)
    unanswered = {job.key: job for job in possible}
    for job, outcome in produce(possible) if possible else ():
        unanswered.pop(job.key, None)
        yield job, outcome
        del outcome
    for job in unanswered.values():
        forgotten = (
            f"{job.key}: the model returned nothing for it; see its documentation or remove it"
        )
        yield job, TpigeError(forgotten)

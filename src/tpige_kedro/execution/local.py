"""Runs jobs with the engine in use, and commits each in this process as it is finished."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from typing import Protocol

from kedro.io import DatasetError

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.behind import Behind
from tpige_kedro.execution.engines.in_use import engine_in_use
from tpige_kedro.execution.engines.protocol import Engine
from tpige_kedro.execution.progress import Step, on_terminal
from tpige_kedro.execution.tally import Tallies, message_of
from tpige_kedro.execution.work import Job, Made, Outcome, Result, Work, Write

logger = logging.getLogger(__name__)


class Store(Protocol):
    """Where results go; an item folder is one."""

    def plan(self, work: Work) -> list[Job]:
        """Note which items are requested, and return the jobs that are left to do."""
        ...

    def commit(self, job: Job, result: Result, seconds: float, work: Work) -> None:
        """Save a result and its record."""
        ...

    def fail(self, job: Job, error: Exception) -> None:
        """Save why a job failed; a finished item of the same key stays."""
        ...

    @property
    def write(self) -> Write | None:
        """Makes the file of an output, also in another process; None where outputs are JSON."""
        ...


def work_off(work: Work, store: Store) -> None:
    """Make what is missing, with the engine in use; each item is saved as soon as it is finished.

    An outcome that is still a future is saved in a thread while the next job is made; one at a time, so that items are saved in
    the order in which they were made. A job that fails is logged, counted and saved as a failure, so that the next run tries it
    again; the others go on. A job that ``produce`` forgets fails. What ``produce`` raises ends the run; what is finished by then stays.
    """
    todo = store.plan(work)
    tallies = Tallies(work, todo)
    if not todo:
        return
    if len(todo) < len(work.jobs) or not on_terminal():  # else its bar says the same
        logger.info("%s: %d of %d left to do", work.label, len(todo), len(work.jobs))
    engine = engine_in_use()
    answers = closing(_answers(todo, work, store, engine))
    with engine.shown_progress(work.label, len(todo)) as step, Behind() as behind, answers as each:
        last = time.perf_counter()
        before: dict[str, float] = {}  # by item: the seconds of its partial results
        for job, made in each:
            seconds = time.perf_counter() - last + before.pop(job.key, 0.0)
            if isinstance(made, Result) and made.partial:
                before[job.key] = seconds
            finish = partial(_finish, store, job, made, seconds, work, tallies, step)
            if isinstance(made, Future):
                behind.later(finish)
            else:
                behind.now(finish)
            # else the model in an error's traceback stays in memory while the next is loaded
            del made, finish
            last = time.perf_counter()


def _finish(
    store: Store,
    job: Job,
    made: Made,
    seconds: float,
    work: Work,
    tallies: Tallies,
    step: Step,
) -> None:
    """Save an outcome, once it is there, and count it."""
    outcome = made.result() if isinstance(made, Future) else made
    error = _save(store, job, outcome, seconds, work)
    if isinstance(outcome, Result) and outcome.partial:
        return
    tallies.count(job, error)
    if error is not None:
        _log_failure(tallies.label(job), job, error)
    step(job.key)


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


def _answers(
    todo: Sequence[Job], work: Work, store: Store, engine: Engine
) -> Generator[tuple[Job, Made]]:
    """An outcome for every job: the error of those that are impossible, those of the engine, an error for what it forgot."""
    possible = []
    for job in todo:
        if isinstance(job.request, Exception):
            yield job, job.request
        else:
            possible.append(job)
    unanswered = {job.key: job for job in possible}
    for job, outcome in engine.answers(possible, work, store.write) if possible else ():
        unanswered.pop(job.key, None)
        yield job, outcome
        del outcome
    for job in unanswered.values():
        forgotten = (
            f"{job.key}: the model returned nothing for it; see its documentation or remove it"
        )
        yield job, TpigeError(forgotten)

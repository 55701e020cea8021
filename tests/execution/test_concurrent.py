from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tpige_kedro.execution.concurrent import work_side_by_side
from tpige_kedro.execution.work import Job, Outcome, Result

JOBS = [Job(f"j{n}", "mark", n) for n in range(12)]


def test_every_job_has_its_own_outcome_whatever_the_order() -> None:
    release = threading.Event()

    def work(job: Job) -> Outcome:
        if job.request == 0:  # the first is the last to finish
            release.wait(60)
        if job.request == 10:
            release.set()
        return ValueError("bad") if job.request == 5 else Result(job.request)

    made = list(work_side_by_side(JOBS, work, workers=3))
    assert made[0][0].key != "j0" and len(made) == 12
    for job, outcome in made:
        if job.key == "j5":
            assert isinstance(outcome, ValueError)
        else:
            assert isinstance(outcome, Result) and outcome.output == job.request


def test_no_more_than_the_workers_are_begun_and_not_handed_on() -> None:
    begun: list[str] = []

    def work(job: Job) -> Outcome:
        begun.append(job.key)
        return Result(None)

    outcomes: Iterator[tuple[Job, Outcome]] = work_side_by_side(JOBS, work, workers=4)
    for handed_on, _ in enumerate(outcomes):
        assert len(begun) <= handed_on + 4
        if handed_on == 5:
            break
    outcomes.close()  # type: ignore[attr-defined]
    assert len(begun) <= 9


def test_together_means_together() -> None:
    meeting = threading.Barrier(3, timeout=60)  # breaks unless three are at work at once

    def work(job: Job) -> Outcome:
        meeting.wait()
        return Result(None)

    assert len(list(work_side_by_side(JOBS, work, workers=3))) == 12


def test_what_ends_the_run_ends_it() -> None:
    def work(job: Job) -> Outcome:
        raise MemoryError("none left")

    with pytest.raises(MemoryError):
        list(work_side_by_side(JOBS, work, workers=2))
    assert list(work_side_by_side([], work, workers=2)) == []


def test_a_run_that_is_stopped_does_not_wait_for_answers() -> None:
    late = threading.Event()

    def work(job: Job) -> Outcome:
        if job.request:
            late.wait(60)
        return Result(None)

    outcomes: Iterator[tuple[Job, Outcome]] = work_side_by_side(JOBS, work, workers=3)
    try:
        assert next(outcomes)[0].key == "j0"
        started = time.perf_counter()
        outcomes.close()  # type: ignore[attr-defined]
        assert time.perf_counter() - started < 30
    finally:
        late.set()

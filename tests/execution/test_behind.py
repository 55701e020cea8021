"""What is done behind: in order, with its errors raised where somebody sees them, and finished before a run ends."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from tpige_kedro.execution import behind as module
from tpige_kedro.execution.behind import Behind
from tpige_kedro.execution.local import work_off
from tpige_kedro.execution.tally import reset_tallies, tallies
from tpige_kedro.execution.work import Job, Outcome, Result, Work


def fail() -> None:
    raise OSError("the disk is full")


def test_things_are_done_in_their_order_and_here_if_asked() -> None:
    done: list[tuple[int, bool]] = []

    def note(number: int) -> None:
        done.append((number, threading.current_thread() is threading.main_thread()))

    with Behind() as behind:
        for number in range(4):
            how = behind.now if number == 2 else behind.later
            how(lambda number=number: note(number))
    assert done == [(0, False), (1, False), (2, True), (3, False)]


@pytest.mark.parametrize("again", ["later", "now", "end"])
def test_an_error_is_raised_by_what_comes_next(again: str) -> None:
    with pytest.raises(OSError, match="full"), Behind() as behind:
        behind.later(fail)
        if again != "end":
            getattr(behind, again)(lambda: None)
            raise AssertionError("it went on")


def test_what_is_under_way_is_finished_when_the_run_ends_by_an_error() -> None:
    go, done = threading.Event(), []

    def save() -> None:
        go.wait(5)
        done.append(True)

    threading.Timer(0.05, go.set).start()
    with pytest.raises(ValueError, match="mine"), Behind() as behind:
        behind.later(save)
        raise ValueError("mine")
    assert done == [True]


def test_of_two_errors_the_one_of_the_run_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="mine"), Behind() as behind:
        behind.later(fail)
        raise ValueError("mine")
    assert "not saved: the disk is full" in caplog.text


def test_a_stop_does_not_wait_for_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    caplog.set_level(logging.WARNING)
    go = threading.Event()
    with pytest.raises(KeyboardInterrupt), Behind() as behind:
        behind.later(lambda: go.wait(5))
        raise KeyboardInterrupt
    go.set()
    assert "made again" in caplog.text


class Store:
    write = None

    def __init__(self) -> None:
        self.saved: list[Any] = []

    def plan(self, work: Work) -> list[Job]:
        return list(work.jobs)

    def commit(self, job: Job, result: Result, seconds: float, work: Work) -> None:
        if result.output == "full":
            fail()
        self.saved.append(job.key)

    def fail(self, job: Job, error: Exception) -> None:
        self.saved.append((job.key, str(error)))


def future(outcome: Outcome, after: float = 0.0) -> Future[Outcome]:
    made: Future[Outcome] = Future()
    threading.Timer(after, made.set_result, [outcome]).start()
    return made


def test_outcomes_that_come_later_are_saved_and_counted_in_order() -> None:
    jobs = [Job(key, key, None) for key in "abcd"]
    outcomes = [
        future(Result(1), 0.1),
        future(ValueError("odd")),
        Result(1),
        future(Result(1), 0.05),
    ]
    store = Store()
    reset_tallies()
    work_off(Work("stage", jobs, lambda todo: zip(todo, outcomes, strict=True)), store)
    assert store.saved == ["a", ("b", "odd"), "c", "d"]
    (tally,) = tallies()
    assert (tally.made, len(tally.failures), tally.unfinished) == (3, 1, 0)


def test_a_disk_that_is_full_ends_the_run_and_the_next_clip_is_not_begun() -> None:
    jobs, begun = [Job(key, key, None) for key in "abc"], []

    def produce(todo: list[Job]) -> Any:
        for job in todo:
            begun.append(job.key)
            yield job, future(Result("full" if job.key == "a" else 1))

    reset_tallies()
    with pytest.raises(OSError, match="full"):
        work_off(Work("stage", jobs, produce), Store())
    assert begun == ["a", "b"]


def test_an_error_is_raised_once_and_what_follows_is_done() -> None:
    done: list[str] = []
    with Behind() as behind:
        behind.later(lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            behind.wait()
        behind.now(lambda: done.append("now"))
        behind.later(lambda: done.append("later"))
    assert done == ["now", "later"]

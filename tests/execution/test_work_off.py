from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tpige_kedro.execution.local import Job, Outcome, Result, fingerprint, pending, work_off
from tpige_kedro.execution.tally import reset_tallies, tallies

JOBS = [Job("a", "fa", 1), Job("b", "fb", 2), Job("c", "fc", 3)]


@pytest.fixture(autouse=True)
def fresh() -> None:
    reset_tallies()


def double(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
    for job in todo:
        yield job, ValueError("odd") if job.key == "b" else Result(2 * job.request, {"by": "test"})


def test_outputs_records_and_failures_chunk_by_chunk() -> None:
    first, *chunks = work_off("stage", JOBS, {}, double)
    assert first == ({}, {}, {})
    outputs, records, failures = zip(*chunks, strict=True)
    assert outputs == ({"a": 2}, {}, {"c": 6})
    assert records[0]["a"]["fingerprint"] == "fa" and records[0]["a"]["by"] == "test"
    assert records[1] == {"b": None}, "a failure voids the record of an earlier success"
    assert failures[0] == {"a": None}, "a success clears an earlier failure"
    assert failures[1]["b"] == {
        "key": "b",
        "stage": "stage",
        "error": "ValueError",
        "message": "odd",
    }


def test_only_what_changed_is_done() -> None:
    completed = {"a": "fa", "b": "fb", "c": "of something else"}
    assert [job.key for job in pending(JOBS, completed)] == ["c"]
    chunks = list(work_off("stage", JOBS, completed, double))
    assert [list(outputs) for outputs, _, _ in chunks] == [[], ["c"]]


def test_a_finished_stage_calls_no_model() -> None:
    def never(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        raise AssertionError("the model was loaded")
        yield

    done = {job.key: job.fingerprint for job in JOBS}
    assert list(work_off("stage", JOBS, done, never)) == [({}, {}, {})]


def test_items_are_handed_on_before_the_next_is_made() -> None:
    made: list[str] = []

    def watch(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            made.append(job.key)
            yield job, Result(None)

    chunks = work_off("stage", JOBS, {}, watch)
    next(chunks)
    next(chunks)
    assert made == ["a"]


def test_a_forgotten_job_fails() -> None:
    def lazy(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        yield todo[0], Result(1)

    *_, (_, _, last) = work_off("stage", JOBS, {}, lazy)
    assert "returned nothing" in last["c"]["message"]


def test_the_tally_counts() -> None:
    list(work_off("stage", JOBS, {"a": "fa"}, double))
    (tally,) = tallies()
    assert (tally.total, tally.reused, tally.done) == (3, 1, 1)
    assert [failure["key"] for failure in tally.failures] == ["b"]


def test_progress_says_how_much_is_left(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        list(work_off("stage", JOBS, {}, double))
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "stage: 3 of 3 left to do"
    assert lines[1].startswith("stage: 1/3 a, ") and lines[1].endswith(" s left")
    assert "stage: b failed: odd" in lines


def test_fingerprints_depend_on_values_and_not_on_order() -> None:
    mark = fingerprint(a=1, b={"x": 1, "y": [1, 2]})
    assert mark == fingerprint(b={"y": [1, 2], "x": 1}, a=1)
    assert len({mark, fingerprint(a=1, b={"x": 1, "y": [2, 1]}), fingerprint(a=1.5, b={})}) == 3
    with pytest.raises(ValueError, match="JSON"):
        fingerprint(a=float("nan"))

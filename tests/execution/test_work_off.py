"""Jobs are worked off one by one and saved as they are finished; what a real item folder keeps: tests/datasets/test_item_folder.py."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import DatasetError

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.local import work_off
from tpige_kedro.execution.tally import Tally, message_of, reset_tallies, tallies
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint, impossible

JOBS = [Job("a", "fa", 1), Job("b", "fb", 2), Job("c", "fc", 3)]


@pytest.fixture(autouse=True)
def fresh() -> None:
    reset_tallies()


@dataclass
class Store:
    """Remembers what was saved, in order; ``finished`` are fingerprints by key."""

    finished: dict[str, str] = field(default_factory=dict)
    saved: list[tuple[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    write: None = None

    def plan(self, work: Work) -> list[Job]:
        return [job for job in work.jobs if self.finished.get(job.key) != job.fingerprint]

    def commit(self, job: Job, result: Result, seconds: float, work: Work) -> None:
        assert seconds >= 0 and work.label == "stage"
        self.saved.append((job.key, result))
        self.seconds.append(seconds)

    def fail(self, job: Job, error: Exception) -> None:
        self.saved.append((job.key, error))


def double(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
    for job in todo:
        yield job, ValueError("odd") if job.key == "b" else Result(2 * job.request, {"by": "test"})


def run(
    produce: Callable[[list[Job]], Any] = double, jobs: Sequence[Job] = JOBS, **finished: str
) -> Store:
    store = Store(finished)
    work_off(Work("stage", jobs, produce), store)
    return store


def never(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
    raise AssertionError("the model was loaded")


def test_results_and_failures_are_saved_in_their_order() -> None:
    (a, b, c) = run().saved
    assert a == ("a", Result(2, {"by": "test"})) and c == ("c", Result(6, {"by": "test"}))
    assert b[0] == "b" and isinstance(b[1], ValueError)


def test_only_what_changed_is_done() -> None:
    store = run(a="fa", b="fb", c="of something else")
    assert [key for key, _ in store.saved] == ["c"]


def test_a_finished_stage_calls_no_model() -> None:
    assert run(never, **{job.key: job.fingerprint for job in JOBS}).saved == []
    assert run(never, []).saved == []


def test_the_seconds_of_a_result_hold_those_of_its_parts() -> None:
    def in_two_parts(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for partial, seconds in ((True, 0.2), (False, 0.0)):
            for job in todo:
                time.sleep(seconds)
                yield job, Result(job.request, partial=partial)

    first, second, whole_first, whole_second = run(in_two_parts, JOBS[:2]).seconds
    assert first <= whole_first and second <= whole_second and min(first, second) >= 0.2
    assert whole_first < first + second, "each item has its own"


def test_a_job_is_saved_before_the_next_is_made() -> None:
    store = Store()
    seen: list[list[str]] = []

    def watch(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            seen.append([key for key, _ in store.saved])
            yield job, Result(None)

    work_off(Work("stage", JOBS, watch), store)
    assert seen == [[], ["a"], ["a", "b"]]


def test_what_ends_the_run_leaves_what_is_finished() -> None:
    store = Store()

    def crash(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        yield todo[0], Result(1)
        raise MemoryError("none left")

    with pytest.raises(MemoryError):
        work_off(Work("stage", JOBS, crash), store)
    assert [key for key, _ in store.saved] == ["a"]
    (tally,) = tallies()
    assert (tally.made, tally.unfinished) == (1, 2)


def test_an_impossible_job_fails_and_the_model_does_not_see_it() -> None:
    asked: list[str] = []

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        asked.extend(job.key for job in todo)
        yield from ((job, Result(1)) for job in todo)

    lacking = TpigeError("no picture")
    store = run(produce, [JOBS[0], Job("b", "fb", lacking), JOBS[2]])
    assert asked == ["a", "c"] and ("b", lacking) in store.saved
    run(never, [impossible("b", lacking)])


def test_a_forgotten_job_fails() -> None:
    def lazy(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        yield todo[0], Result(1)

    saved = run(lazy).saved
    assert [key for key, _ in saved] == ["a", "b", "c"]
    assert "c: the model returned nothing" in str(saved[-1][1])
    assert len(tallies()[0].failures) == 2


def test_a_part_is_saved_and_not_yet_counted() -> None:
    def in_parts(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        yield from ((job, Result(1, partial=True)) for job in todo)
        assert [tally.made for tally in tallies()] == [0]
        yield from ((job, Result(2, failure=ValueError("half"))) for job in todo[:1])
        yield from ((job, Result(2)) for job in todo[1:])

    store = run(in_parts)
    assert [key for key, _ in store.saved] == ["a", "b", "c", "a", "b", "c"]
    (tally,) = tallies()
    assert (tally.made, tally.unfinished) == (2, 0)
    assert [f["message"] for f in tally.failures] == ["half"], "a part that failed is a failure"


# --- what is said ---------------------------------------------------------------------------------------------------------------


def test_the_tally_counts() -> None:
    run(a="fa")
    (tally,) = tallies()
    assert (tally.total, tally.kept, tally.made, tally.unfinished) == (3, 1, 1, 0)
    assert tally.failures == [{"key": "b", "stage": "stage", "message": "odd"}]


def test_each_group_has_its_tally_and_names_items_without_it() -> None:
    jobs = [Job(f"{group}/{key}", f"f{key}", 1, group) for group in "vw" for key in "ab"]

    def refuse(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        yield from ((job, ValueError("no")) for job in todo)

    run(refuse, jobs, **{"w/b": "fb"})
    first, second = tallies()
    assert [(t.label, t.total, t.kept) for t in (first, second)] == [
        ("stage.v", 2, 0), ("stage.w", 2, 1),
    ]  # fmt: skip
    assert [f["key"] for f in first.failures] == ["a", "b"]
    assert second.failures == [{"key": "a", "stage": "stage.w", "message": "no"}]


def test_a_second_start_of_a_stage_replaces_its_counts() -> None:
    run()
    run(**{job.key: job.fingerprint for job in JOBS})
    assert tallies() == [Tally("stage", total=3, kept=3)]


def test_a_stage_without_items_has_a_tally() -> None:
    run(never, [])
    assert tallies() == [Tally("stage")]


def test_progress_says_how_much_is_left(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run()
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "stage: 3 of 3 left to do"
    assert lines[1].startswith("stage: 1/3 a, ") and lines[1].endswith(" s left")
    assert "stage: b failed: odd" in lines


@pytest.mark.parametrize(
    ("error", "traced"),
    [(ValueError("x"), True), (TpigeError("x"), False), (DatasetError("x"), False)],
)
def test_only_what_nobody_foresaw_has_a_traceback(
    error: Exception, traced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    run(lambda todo: ((job, error) for job in todo), JOBS[:1])
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert bool(logged.exc_info) == traced


def test_a_message_has_the_notes_and_is_never_empty() -> None:
    error = ValueError("odd")
    error.add_note("(scorer faces)")
    assert message_of(error) == "odd (scorer faces)" and message_of(KeyError()) == "KeyError"


# --- fingerprints ----------------------------------------------------------------------------------------------------------------


def test_fingerprints_depend_on_values_and_not_on_order() -> None:
    mark = fingerprint(a=1, b={"x": 1, "y": [1, 2]})
    assert mark == fingerprint(b={"y": [1, 2], "x": 1}, a=1)
    assert len({mark, fingerprint(a=1, b={"x": 1, "y": [2, 1]}), fingerprint(a=1.5, b={})}) == 3
    with pytest.raises(ValueError, match="JSON"):
        fingerprint(a=float("nan"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


def exactly(value: Any) -> Any:
    """``value`` with its types, for Python takes True for 1."""
    if isinstance(value, dict):
        return {key: exactly(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [exactly(inner) for inner in value]
    return type(value).__name__, value


@given(VALUES, VALUES)
def test_equal_fingerprints_mean_equal_values(one: Any, other: Any) -> None:
    assert (fingerprint(a=one) == fingerprint(a=other)) == (exactly(one) == exactly(other))

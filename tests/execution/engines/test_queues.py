"""Which task a worker is given next, without any worker."""

from __future__ import annotations

from typing import Any

import pytest

from tpige_kedro.execution.engines.queues import Entry, Queues
from tpige_kedro.execution.work import Job, Task


def task(name: str, cost: float = 1.0, models: str = "m", place: Any = "gpu") -> Task:
    return Task(lambda todo: iter(()), (Job(name, "mark", None),), models, cost, place)


def queues(*entries: Entry) -> Queues:
    made = Queues()
    for entry in entries:
        made.add(entry)
    return made


def taken(found: Queues, place: Any = "gpu", holds: str = "", **held: int) -> list[str]:
    """The names of all tasks in the order in which one worker takes them."""
    names = []
    while (entry := found.take(place, holds, held)) is not None:
        names.append(entry.task.jobs[0].key)
        holds = entry.task.models
    return names


def test_the_longest_are_begun_first_and_what_was_tried_in_vain_last() -> None:
    costs = {"short": 1.0, "long": 3.0, "middle": 2.0, "as long": 3.0}
    found = queues(
        Entry(task("failed", 9.0), tries=1), *(Entry(task(n, c)) for n, c in costs.items())
    )
    assert taken(found) == ["long", "as long", "middle", "short", "failed"] and not len(found)


def test_a_worker_stays_with_the_models_that_it_holds() -> None:
    found = queues(*(Entry(task(f"{m}{i}", models=m)) for m in "ab" for i in range(2)))
    assert taken(found, holds="b") == ["b0", "b1", "a0", "a1"]


def test_it_turns_to_where_most_is_left_for_each_worker() -> None:
    entries = [Entry(task(f"a{i}", 2.0, "a")) for i in range(3)] + [Entry(task("b", 4.0, "b"))]
    assert taken(queues(*entries))[0] == "a0", "6 to do, and 4"
    assert taken(queues(*entries), a=1)[0] == "b", "3 for each of two, and 4"


def test_seconds_are_learned_for_each_unit_of_cost() -> None:
    found = queues()
    first, second = task("a", 2.0), task("b", 4.0)
    found.add(Entry(first))
    assert found.usual_seconds(first) is None
    found.took(first, 10.0)  # 5 a unit
    found.took(second, 12.0)  # 3 a unit
    assert found.usual_seconds(first) == pytest.approx(8.0)
    assert found.usual_seconds(second) == pytest.approx(16.0)


def test_places_and_models_that_do_not_suit_are_left_to_others() -> None:
    found = queues(Entry(task("c", place="cpu")), Entry(task("g")))
    assert found.waiting_at("gpu") == 2 and found.waiting_at("cpu") == 1
    assert found.waiting_at("gpu", {"m"}) == 0 and found.take("gpu", "", {}, {"m"}) is None
    assert found.without_place({"cpu"}) and not found.without_place({"gpu"})
    assert taken(found, "cpu") == ["c"] and taken(found) == ["g"]
    found = queues(Entry(task("c", place="cpu")), Entry(task("g")))
    assert taken(found) == ["g", "c"], "a worker with a GPU leaves the others' tasks to them"


def test_what_needs_the_same_models_is_drained() -> None:
    found = queues(Entry(task("a")), Entry(task("b", models="n")), Entry(task("c")))
    assert [e.task.jobs[0].key for e in found.drain(task("a"))] == ["a", "c"]
    assert len(found) == 1 and taken(found) == ["b"]

"""Clips as tasks for workers: what travels, how much of it, and what stays in this process."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from clip_stage import ENHANCED, MODEL, PAID, PLAIN, Stage

from tpige_kedro.datasets.mp4_encoding import encode_clip
from tpige_kedro.execution.engines.in_process import InProcessCrew
from tpige_kedro.execution.engines.in_use import use_engine
from tpige_kedro.execution.engines.pool import Pool
from tpige_kedro.execution.engines.worker import portable
from tpige_kedro.execution.work import Result, Task
from tpige_kedro.schemas import Guidance, Provenance

GUIDED = PLAIN.model_copy(update={"guidance": Guidance(identity_weight=1.0)})


def alone(**options: Any) -> Any:
    return MODEL.model_copy(update={"options": {"batch_size": 1, **options}})


def tasks_of(stage: Stage) -> list[Task]:
    found: list[Task] = []
    work = stage.work()
    assert work.share is not None
    list(work.share(list(work.jobs), lambda tasks: iter(found.extend(tasks) or ())))
    return found


def with_workers(stage: Stage, count: int = 2) -> dict[str, bytes]:
    with use_engine(Pool(InProcessCrew(count))):
        items = stage.run()
    return {key: item.path.read_bytes() for key, item in items.items()}


def test_the_files_are_those_of_one_process(stage: Stage, tmp_path: Path) -> None:
    variants = {"v": PLAIN, "e": ENHANCED, "g": GUIDED}
    stage.variants, stage.models = variants, {"m": alone()}
    here = {key: item.path.read_bytes() for key, item in stage.run().items()}
    other = Stage(tmp_path / "other", variants, {"m": alone()})
    assert with_workers(other) == here and len(here) == 6


def test_a_task_holds_what_its_clip_needs_and_no_more(stage: Stage) -> None:
    stage.variants, stage.models = {"v": PLAIN, "e": ENHANCED}, {"m": alone()}
    tasks = tasks_of(stage)
    assert [[job.key for job in task.jobs] for task in tasks] == [
        ["v/s1"], ["v/s2"], ["e/s1"], ["e/s2"]
    ]  # fmt: skip
    parts: list[Any] = [task.produce.__self__ for task in tasks]  # type: ignore[attr-defined]
    assert [list(part.references) for part in parts] == [["a.png"], ["b.png"], [], []]
    assert [list(part.enhanced_references) for part in parts] == [[], [], ["s1"], ["s2"]]
    assert max(len(pickle.dumps(task)) for task in tasks) < 8_000


def test_clips_that_are_made_together_travel_together(stage: Stage) -> None:
    (task,) = tasks_of(stage)
    assert len(task.jobs) == 2, "batch_size is 4"


def test_the_longest_come_first(stage: Stage) -> None:
    stage.variants, stage.models = {"v": PLAIN, "g": GUIDED}, {"m": alone()}
    costs = {task.jobs[0].key: task.cost for task in tasks_of(stage)}
    assert costs == {"v/s1": 2.0, "v/s2": 2.0, "g/s1": 3.0, "g/s2": 3.0}
    assert {task.models for task in tasks_of(stage)} == {"m"}, "one model for both variants"


def test_clips_that_cost_money_are_made_here(stage: Stage) -> None:
    stage.variants = {"v": PLAIN, "paid": PLAIN.model_copy(update={"generator": "p"})}
    stage.models = {"m": alone(), "p": PAID}
    places = {task.jobs[0].group: task.place for task in tasks_of(stage)}
    assert places == {"v": "gpu", "paid": "here"}
    assert len(with_workers(stage)) == 4


def test_a_worker_is_told_what_comes_next_if_it_has_to_load_the_text_encoder_again(
    stage: Stage,
) -> None:
    stage.models = {"m": alone(free_text_encoder=True)}
    first, last = (task.produce.__self__ for task in tasks_of(stage))  # type: ignore[attr-defined]
    assert first.ahead == ("A man runs.",) and last.ahead == ()


def test_an_original_that_was_exchanged_fails_its_clip_alone(stage: Stage) -> None:
    stage.models = {"m": alone()}
    work = stage.work()
    stage.picture("a.png", 77)
    with use_engine(Pool(InProcessCrew(2))):
        items = stage.saved(work)
    assert list(items) == ["v/s2"] and "a.png was changed" in items.failures["v/s1"].message


def test_a_worker_hands_over_a_clip_unsigned() -> None:
    def signs(output: object, file: Path) -> None:
        raise AssertionError("the key of the certificate is read in a worker")

    shape = (4, 32, 32, 3)
    clip = encode_clip([np.zeros(shape, np.uint8)], shape, 8, provenance=Provenance())
    outcome = portable(Result(clip), signs, seconds=1.0)
    assert isinstance(outcome, Result) and pickle.loads(pickle.dumps(outcome)).output == clip

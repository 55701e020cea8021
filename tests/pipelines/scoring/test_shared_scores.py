"""Scores by workers: families of scorers on different machines, one record per clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from score_stage import CALLS, CountingMp4, Stage, forget

from tpige_kedro.execution.engines.in_process import InProcessCrew
from tpige_kedro.execution.engines.in_use import use_engine
from tpige_kedro.execution.engines.pool import Pool
from tpige_kedro.execution.tally import tallies
from tpige_kedro.execution.work import Task
from tpige_kedro.models import release_models
from tpige_kedro.schemas import ModelSpec, Scoring


class OnCpu:
    """A scorer with an option for its device."""

    version = 1
    metrics: Any = ()

    def __init__(self, device: str | None = None) -> None: ...

    def score(self, clip: Any) -> dict[str, float]:
        return {"frames": float(len(clip.frames))}


def scored(stage: Stage, crew: InProcessCrew | None = None, **changes: Any) -> Any:
    release_models()
    with use_engine(Pool(crew or InProcessCrew(2))):
        return stage.score(**changes)


def records(items: Any) -> dict[str, Any]:
    return {
        key: {k: v for k, v in item.record().items() if k not in {"seconds", "environment"}}
        for key, item in items.items()
    }


APART = Scoring(scorers=("bright", "faces"), overall={"brightness": 1.0}, one_family_at_a_time=True)


@pytest.mark.parametrize(
    "prompt", ["A man reads.", "darken", "explode", "hidden", "darken explode"]
)
@pytest.mark.parametrize("apart", [False, True])
def test_records_and_failures_are_those_of_one_process(
    tmp_path: Path, prompt: str, apart: bool
) -> None:
    found = []
    for name in ("here", "workers"):
        stage = Stage(tmp_path / name)
        stage.samples.loc[0, "prompt"] = prompt
        if apart:
            stage.scoring = APART
        items = scored(stage) if name == "workers" else stage.score()
        failures = {key: (f.error, f.message) for key, f in items.failures.items()}
        found.append((records(items), failures, tallies()[-1].failures))
        tables = stage.table()
        release_models()
        forget()
    assert found[0] == found[1]
    pd.testing.assert_frame_equal(tables, stage.table())


def test_scorers_on_the_cpu_go_to_workers_without_a_gpu(stage: Stage) -> None:
    stage.models["cpu"] = ModelSpec(
        type=f"{__name__}.OnCpu", licence="MIT", options={"device": "cpu"}
    )
    stage.scoring = Scoring(scorers=("bright", "cpu", "faces"), overall={"brightness": 1.0})
    tasks: list[Task] = []
    work = stage.work()
    assert work.share is not None
    list(work.share(list(work.jobs), lambda found: iter(tasks.extend(found) or ())))
    places = {(task.models, task.place) for task in tasks}
    assert places == {("bright faces", "gpu"), ("cpu", "cpu")} and len(tasks) == 4

    crew = InProcessCrew(1, cpu_count=1)
    items = scored(stage, crew)
    assert sorted((w.place, w.done) for w in crew.hired) == [("cpu", 2), ("gpu", 2)]
    assert list(items["v/s1"].load()) == ["bright", "cpu", "faces"], (
        "in the order of the parameters"
    )
    assert "partial" not in items["v/s1"].record()


def test_a_clip_that_cannot_be_decoded_fails_once(stage: Stage) -> None:
    stage.clips()
    CountingMp4.broken.add("s1")
    items = scored(stage, scoring=APART)
    assert list(items) == ["v/s2"]
    assert items.failures["v/s1"].message.count("s1 cannot be decoded") == 1
    assert len(tallies()[-1].failures) == 1


def test_what_was_scored_before_is_kept(stage: Stage) -> None:
    scored(stage)
    forget()
    stage.models["bright"] = stage.models["bright"].model_copy(update={"options": {"power": 2}})
    items = scored(stage)
    assert {call.partition(":")[0] for call in CALLS} == {"bright"}
    assert list(items["v/s2"].load()) == ["bright", "faces"]

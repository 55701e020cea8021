"""What services cost in a full run: what the configuration does not state is said, and never counts as nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tpige_kedro.rehearsal.prices import NOT_MEASURED, NOT_STATED, Cost, cost_of, limits_reached
from tpige_kedro.schemas import ModelSpec

ASKED = {"requests": 4, "answers": 4, "input_tokens": 1000, "output_tokens": 500}


def chat(**options: Any) -> ModelSpec:
    kind = "tpige_kedro.vision_language.openai_compatible.OpenAICompatible"
    return ModelSpec(type=kind, licence="x", options={"model": "m", **options})


def hailuo(**options: Any) -> ModelSpec:
    kind = "tpige_kedro.video_generators.hailuo.Hailuo"
    return ModelSpec(type=kind, licence="x", options={"journal": "tasks", **options})


@pytest.mark.parametrize(
    ("spec", "usage", "cost"),
    [
        (chat(input_price=2.0, output_price=10.0), ASKED, Cost(0.7)),
        (chat(input_price=0.0, output_price=0.0), ASKED, Cost(0.0)),
        (chat(), ASKED, Cost(unknown=NOT_STATED)),
        (chat(input_price=2.0), ASKED, Cost(unknown=NOT_STATED)),
        (chat(input_price=2.0, output_price=None), ASKED, Cost(unknown=NOT_STATED)),
        (chat(input_price=2.0, output_price=10.0), {}, Cost(unknown=NOT_MEASURED)),
        (chat(input_price=2.0, output_price=10.0), {**ASKED, "answers": 0}, Cost(unknown=NOT_MEASURED)),
        (chat(base_url="http://localhost:8000/v1"), ASKED, Cost()),
        (hailuo(), {}, Cost(unknown=NOT_STATED)),
        (hailuo(clip_price=None), {}, Cost(unknown=NOT_STATED)),
        (hailuo(clip_price=0.5), {}, Cost(100.0)),
    ],
)  # fmt: skip
def test_the_cost_of_a_full_run(spec: ModelSpec, usage: dict[str, float], cost: Cost) -> None:
    found = cost_of(spec, usage, factor=100, clips=200)
    assert found.unknown == cost.unknown
    assert found.dollars == (cost.dollars if cost.dollars is None else pytest.approx(cost.dollars))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_dollars": 0.5}, "more than max_dollars (0.5), at which a run ends: raise it"),
        ({"max_dollars": 5}, ""),
        ({"max_requests": 399}, "more than max_requests (399), at which a run ends: raise it"),
        ({"max_requests": 400}, ""),
    ],
)
def test_limits_that_a_full_run_would_reach(options: dict[str, Any], told: str) -> None:
    spec = chat(input_price=2.0, output_price=10.0, **options)
    found = [*limits_reached(spec, cost_of(spec, ASKED, 100, 0), ASKED, factor=100, clips=0)]
    assert found == [told] * bool(told)


def test_more_clips_than_one_run_asks_for() -> None:
    spec = hailuo(max_tasks=50)
    (told,) = limits_reached(spec, Cost(), {}, factor=1000, clips=1000)
    assert told == "max_tasks: a run asks for 50 of the 1,000 clips: raise it, or run again"
    assert not [*limits_reached(spec, Cost(), {}, factor=50, clips=50)]

"""Which variants a missing model takes with it, and where there is no going on."""

from __future__ import annotations

from typing import Any

import pytest

from environments import parameters, stages
from tpige_kedro.hooks.preflight import needed_models
from tpige_kedro.hooks.resources.problem import Problem
from tpige_kedro.hooks.skipping import without_missing
from tpige_kedro.models import why_skipped
from tpige_kedro.schemas import Parameters

EXPERTS = {"hailuo", "phantom", "vace", "vace_pe", "vace_pe_ie", "vace_pe_ge"}


def missing(*names: str) -> list[Problem]:
    return [Problem((name,), f"models.{name}", "not there", missing=True) for name in names]


def after(*names: str, stage: str = "full", **changes: Any) -> tuple[Parameters, list[str]]:
    found, stops = without_missing(stages(stage), parameters(**changes), missing(*names))
    return found, [str(stop) for stop in stops]


def skipped(found: Parameters) -> dict[str, str]:
    return {n: v.skipped for n, v in found.variants.items() if v.skipped}


@pytest.fixture(autouse=True)
def without_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIMAX_API_KEY", raising=False)


def test_without_a_problem_nothing_changes() -> None:
    given = parameters()
    found, stops = without_missing(stages("full"), given, [])
    assert found is given and stops == []


def test_a_generator_takes_its_own_variants_with_it() -> None:
    found, stops = after("mini_phantom")
    assert stops == []
    assert skipped(found) == {
        name: "models.mini_phantom: not there"
        for name, variant in parameters().variants.items()
        if variant.generator == "mini_phantom"
    }
    needed = needed_models(stages("full"), found)
    assert "mini_phantom" not in needed and {"mini_vace", "mini_reader", "mini_still"} <= set(
        needed
    )


@pytest.mark.parametrize("role", ["mini_still", "mini_identity"])
def test_an_editor_or_judge_takes_the_enhanced_references_with_it(role: str) -> None:
    found, stops = after(role)
    assert stops == []
    wanted = {n for n, v in parameters().variants.items() if v.reference == "enhanced"}
    assert set(skipped(found)) == wanted and wanted
    assert not {"mini_still", "mini_identity"} & set(needed_models(stages("full"), found))


def test_a_writer_does_too() -> None:
    found, stops = after("mini_reader", reference_enhancement={"writer": "mini_reader"})
    assert stops == [] and "vace_pe_ie" in skipped(found)


def test_a_reader_takes_the_enhanced_prompts_with_it() -> None:
    found, stops = after("mini_reader")
    assert stops == []
    enhanced = {
        n for n, v in parameters().variants.items() if "enhanced" in (v.prompt, v.reference)
    }
    assert set(skipped(found)) == enhanced
    assert "mini_reader" not in needed_models(stages("full"), found)
    assert {n for n, v in found.variants.items() if not why_skipped(v, found.models)} >= {"vace"}


def test_several_missing_models_add_up_until_no_expert_is_left() -> None:
    found, stops = after("mini_reader", "mini_phantom")
    assert stops == [] and "vace" not in skipped(found)
    given = parameters()
    found, stops = after("mini_vace", "mini_vace_fast", "mini_phantom")
    assert len(stops) == 4 and found.variants == given.variants
    assert (
        stops[-1].startswith("no variant can be made: ")
        and "hailuo (no key: MINIMAX_API_KEY is not set)" in stops[-1]
    )


def test_variants_without_an_expert_stop_a_run_that_selects() -> None:
    changes: dict[str, Any] = {"moe": {"experts": ["phantom"], "baseline": None, "comparisons": []}}
    _, stops = after("mini_phantom", **changes)
    assert stops[-1] == "none of moe.experts can be made: phantom"
    _, stops = after("mini_phantom", stage="generation_variants", **changes)
    assert stops == []


@pytest.mark.parametrize("stage", ["full", "scoring", "evaluate"])
def test_a_scorer_of_the_overall_score_stops_the_run_before_it_begins(stage: str) -> None:
    found, stops = after("mini_face", stage=stage)
    assert stops == ["models.mini_face: not there"]
    assert not found.models["mini_face"].unavailable


@pytest.mark.parametrize("stage", ["full", "scoring", "evaluate"])
def test_a_scorer_of_no_part_of_it_is_left_out(stage: str) -> None:
    parts = {"cur_score": 0, "arc_score": 0}  # what mini_face gives
    found, stops = after("mini_face", stage=stage, scoring={"overall": parts})
    assert stops == [] and skipped(found) == {}
    assert found.models["mini_face"].unavailable == "models.mini_face: not there"
    assert "mini_face" not in needed_models(stages(stage), found)


def test_a_set_scorer_is_left_out() -> None:
    sets = {"models": {"sets": {"type": "fakes.SetScorer", "licence": "x"}}}
    found, stops = after("sets", scoring={"set_scorer": "sets"}, **sets)
    assert stops == [] and "sets" not in needed_models(stages("full"), found)


@pytest.mark.parametrize("stage", ["prompt_enhancement", "reference_enhancement"])
def test_a_stage_that_is_for_nothing_else_stops(stage: str) -> None:
    role = {"prompt_enhancement": "mini_reader", "reference_enhancement": "mini_still"}[stage]
    assert after(role, stage=stage)[1] == [f"models.{role}: not there"]


def test_strict_stops_for_every_problem() -> None:
    given = parameters(strict=True)
    found, stops = without_missing(stages("full"), given, missing("mini_phantom"))
    assert found is given and [str(s) for s in stops] == ["models.mini_phantom: not there"]


def test_what_is_no_missing_model_stops_and_everything_is_listed() -> None:
    others = [Problem(("mini_vace",), "models.mini_vace", "too little memory")]
    given = parameters()
    found, stops = without_missing(stages("full"), given, [*missing("mini_phantom"), *others])
    assert found is given and len(stops) == 2


def test_a_problem_of_several_models_skips_the_variants_of_all() -> None:
    shared = [Problem(("mini_phantom", "mini_still"), "owner/name", "gated", missing=True)]
    found, stops = without_missing(stages("full"), parameters(), shared)
    assert stops == []
    assert {"phantom", "vace_pe_ie"} <= set(skipped(found)) and "vace" not in skipped(found)


@pytest.mark.parametrize("env", ["paper", "vace_1_3b"])
@pytest.mark.parametrize("role", ["generator", "reader", "editor"])
def test_the_shipped_environments_go_on_without_one_of_their_models(env: str, role: str) -> None:
    given = parameters(env)
    names = {
        "generator": given.variants["phantom"].generator,
        "reader": given.prompt_enhancement.reader,
        "editor": given.reference_enhancement.editor,
    }
    found, stops = without_missing(stages("full"), given, missing(names[role]))
    assert stops == []
    left = EXPERTS - set(skipped(found)) - {"hailuo"}
    assert (
        left
        == {
            "generator": {"vace", "vace_pe", "vace_pe_ie", "vace_pe_ge"},
            "reader": {"phantom", "vace"},
            "editor": {"phantom", "vace", "vace_pe", "vace_pe_ge"},
        }[role]
    )


def test_clip_is_left_out_where_the_paper_cannot_load_it() -> None:
    found, stops = without_missing(stages("full"), parameters("paper"), missing("photo_clip"))
    assert stops == [] and found.models["photo_clip"].unavailable
    _, stops = without_missing(stages("full"), parameters("paper"), missing("photo_gme"))
    assert [str(stop) for stop in stops] == ["models.photo_gme: not there"]

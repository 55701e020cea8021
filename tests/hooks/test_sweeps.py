"""Sweeps: which variants a list in the guidance makes, what they are called, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tpige_kedro.hooks.sweeps import label, with_sweeps
from tpige_kedro.schemas import Guidance, Variant

NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")


def raw(guidance: Any, **more: Any) -> dict[str, Any]:
    variants = {
        "plain": {"generator": "wan"},
        "ours": {"generator": "wan", "prompt": "enhanced", "guidance": guidance},
        "last": {"generator": "wan"},
    }
    return {"variants": variants, **more}


def made(guidance: Any) -> dict[str, Any]:
    changed, problems = with_sweeps(raw(guidance))
    assert problems == []
    return {n: v for n, v in changed["variants"].items() if n not in ("plain", "last")}


def test_a_variant_of_each_value_stands_where_the_swept_one_stood() -> None:
    changed, problems = with_sweeps(raw({"text_weight": 1.0, "identity_weight": [0, 0.25, 0.5]}))
    assert problems == []
    assert list(changed["variants"]) == [
        "plain",
        "ours_identity_weight_0",
        "ours_identity_weight_0p25",
        "ours_identity_weight_0p5",
        "last",
    ]
    assert changed["variants"]["ours_identity_weight_0p25"] == {
        "generator": "wan",
        "prompt": "enhanced",
        "guidance": {"text_weight": 1.0, "identity_weight": 0.25},
        "sweep": {"name": "ours", "values": {"identity_weight": 0.25}},
    }


@pytest.mark.parametrize(
    ("guidance", "names"),
    [
        (
            {"text_weight": [1, 2.5], "identity_weight": [0.5, 1e-5]},
            [f"text_weight_{t}_identity_weight_{i}" for t in ("1", "2p5") for i in ("0p5", "1em05")],
        ),
        ({"weak_branch": ["t2v", "aligned"]}, ["weak_branch_t2v", "weak_branch_aligned"]),
        ({"reuse_every": [1, 8]}, ["reuse_every_1", "reuse_every_8"]),
        ({"skip_layers": [[], [7], [7, 9]]}, ["skip_layers_none", "skip_layers_7", "skip_layers_7_9"]),
        (
            {"identity_schedule": {"stop": 0.9, "start": [0, 0.5]}},
            ["identity_schedule_start_0", "identity_schedule_start_0p5"],
        ),
        ({"identity_weight": [0.5]}, ["identity_weight_0p5"]),
    ],
)  # fmt: skip
def test_every_key_of_the_guidance_can_be_swept(guidance: Any, names: list[str]) -> None:
    variants = made(guidance)
    assert list(variants) == [f"ours_{name}" for name in names]
    assert all(NAME.match(name) for name in variants)
    settings = [Variant.model_validate(v).guidance for v in variants.values()]
    assert len({each.model_dump_json() for each in settings}) == len(names)


def test_names_do_not_depend_on_the_order_of_keys() -> None:
    first = {"text_weight": [1, 2], "identity_weight": [0.5]}
    assert made(first) == made(dict(reversed(first.items())))


@pytest.mark.parametrize(
    "guidance",
    [
        None,
        {},
        {"skip_layers": [7, 9]},
        {"identity_weight": 0.5},
        {"identty_weight": [1, 2]},
        {"identity_schedule": [1]},
        {"identity_schedule": {"strt": [0, 1]}},
        [1, 2],
        3,
    ],
)
def test_what_is_no_sweep_stays_as_it_is(guidance: Any) -> None:
    assert with_sweeps(raw(guidance)) == (raw(guidance), [])


@pytest.mark.parametrize("odd", [{}, {"variants": None}, {"variants": [1]}, {"variants": {"a": 1}}])
def test_what_the_schema_refuses_gets_there(odd: dict[str, Any]) -> None:
    assert with_sweeps(odd) == (odd, [])


@pytest.mark.parametrize(
    ("guidance", "problem"),
    [
        ({"identity_weight": []}, r"variants\.ours\.guidance\.identity_weight: the list is empty"),
        ({"identity_weight": [0, None]}, "None cannot be a value of a sweep"),
        ({"identity_weight": [0, True]}, "True cannot be a value of a sweep"),
        ({"identity_weight": [0, [1]]}, r"\[1\] cannot be a value of a sweep"),
        ({"skip_layers": [[7], 9]}, "9 cannot be a value of a sweep"),
        ({"identity_weight": [0.5, 1, 1.0]}, "identity_weight: 1 appears more than once"),
        ({"identity_schedule": {"start": [0, 0]}}, r"identity_schedule\.start: 0 appears"),
    ],
)
def test_a_wrong_list_is_named(guidance: Any, problem: str) -> None:
    (found,) = with_sweeps(raw(guidance))[1]
    assert re.search(problem, found)


def test_a_name_that_is_there_already_is_refused() -> None:
    given = raw({"identity_weight": [0, 0.5]})
    given["variants"]["ours_identity_weight_0p5"] = {"generator": "wan"}
    (problem,) = with_sweeps(given)[1]
    assert "variants.ours: its sweep makes a variant ours_identity_weight_0p5" in problem


def test_two_sweeps_that_make_the_same_name_are_refused() -> None:
    given = raw({"text_weight": [1], "identity_weight": [2]})
    given["variants"]["ours_text_weight_1"] = {"generator": "wan", "guidance": {"identity_weight": [2]}}  # fmt: skip
    assert any("ours_text_weight_1_identity_weight_2" in p for p in with_sweeps(given)[1])


@pytest.mark.parametrize("first", [True, False])
def test_a_reason_to_skip_one_point_is_no_second_variant(first: bool) -> None:
    given = raw({"identity_weight": [0, 0.5]})
    skip = {"ours_identity_weight_0": {"skipped": "elsewhere"}}
    given["variants"] = {**skip, **given["variants"]} if first else {**given["variants"], **skip}
    changed, problems = with_sweeps(given)
    assert problems == []
    assert list(changed["variants"])[1:3] == ["ours_identity_weight_0", "ours_identity_weight_0p5"]
    assert changed["variants"]["ours_identity_weight_0"]["skipped"] == "elsewhere"
    assert changed["variants"]["ours_identity_weight_0"]["generator"] == "wan"


def test_the_name_of_a_swept_variant_stands_for_all_that_it_makes() -> None:
    moe = {"experts": ["plain", "ours"], "comparisons": [["ours", "plain"], ["last", "plain"]]}
    given = raw({"identity_weight": [0, 0.5]}, moe=moe, run_variants=["ours", "last"])
    changed = with_sweeps(given)[0]
    both = ["ours_identity_weight_0", "ours_identity_weight_0p5"]
    assert changed["run_variants"] == [*both, "last"]
    assert changed["moe"]["experts"] == ["plain", *both]
    assert changed["moe"]["comparisons"] == [*([b, "plain"] for b in both), ["last", "plain"]]
    assert with_sweeps(changed) == (changed, [])  # hooks may look at it again


def test_a_swept_baseline_is_refused() -> None:
    given = raw({"identity_weight": [0, 0.5]}, moe={"experts": ["plain"], "baseline": "ours"})
    (problem,) = with_sweeps(given)[1]
    assert "moe.baseline: ours is swept; name one of ours_identity_weight_0, " in problem


def test_labels_tell_values_apart() -> None:
    values = [0, 0.1, 0.01, 1, 10, 1.5, 15, 1e-05, 1e5, 0.1234567, 0.1234568, 1e21]
    labels = [label(value) for value in values]
    assert len(set(labels)) == len(values) and all(re.fullmatch(r"\w+", each) for each in labels)


def test_default_values_are_one_value() -> None:
    assert made(Guidance().model_dump(mode="json")) == {
        "ours": raw(Guidance().model_dump(mode="json"))["variants"]["ours"]
    }

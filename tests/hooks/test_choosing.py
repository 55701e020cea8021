"""``run_variants``: which variants run, what the selection keeps of them, and that results of the others are left alone."""

from __future__ import annotations

import copy
from typing import Any

import click
import pytest

from project import merged
from tpige_kedro.commands.params import split_params
from tpige_kedro.hooks.choosing import unfolded, with_choice
from tpige_kedro.hooks.errors import RunStopped

RAW: dict[str, Any] = {
    "models": {},
    "variants": {name: {"generator": "wan"} for name in ("a", "b", "c", "d")},
    "moe": {
        "experts": ["a", "b", "c"],
        "baseline": "a",
        "comparisons": [["b", "a"], ["c", "b"]],
        "equal_budget": ["b", "c", "d"],
    },
}


def chosen(names: Any, **changes: Any) -> dict[str, Any]:
    return with_choice(unfolded(merged(copy.deepcopy(RAW), {"run_variants": names, **changes})))


def test_null_changes_nothing() -> None:
    assert chosen(None) == {**RAW, "run_variants": None} == with_choice(unfolded(RAW))


@pytest.mark.parametrize("names", [["c", "b"], "c,b", " c , b,", ("c", "b")])
def test_only_what_is_named_runs_in_the_order_of_the_files(
    names: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    found = chosen(names)
    assert list(found["variants"]) == ["b", "c"]
    assert found["moe"] == {
        "experts": ["b", "c"],
        "baseline": None,
        "comparisons": [["c", "b"]],
        "equal_budget": ["b", "c"],
    }
    (record,) = caplog.records
    assert record.getMessage() == (
        "run_variants: only b, c; the selection leaves out the experts a; the baseline a; 1 of 2 comparisons; d in equal_budget"
    )
    assert with_choice(unfolded(found)) == found


@pytest.mark.parametrize(("names", "experts"), [("d", ["d"]), ("a", ["a"]), ("a,d", ["a", "d"])])
def test_without_two_experts_all_take_part(names: str, experts: list[str]) -> None:
    assert chosen(names)["moe"]["experts"] == experts


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("vac", r"run_variants: no variant 'vac' .*\['a', 'b', 'c', 'd'\]\)$"),
        (["a", "B"], r"no variant 'B' .*did you mean b\?"),
        ([], "the list is empty; name the variants to run, or null for all"),
        ("", "the list is empty"),
        ([None], "no variant 'None'"),
        ([7], "no variant '7'"),
        ([["a"]], "no variant"),
    ],
)
def test_what_cannot_be_chosen_is_refused(names: Any, problem: str) -> None:
    with pytest.raises(RunStopped, match=problem):
        chosen(names)


def test_an_unknown_expert_is_no_variant_that_does_not_run() -> None:
    assert chosen("a,b", moe={"experts": ["a", "b", "x"]})["moe"]["experts"] == ["a", "b", "x"]


@pytest.mark.parametrize(
    "odd", [{"moe": None}, {"moe": {"experts": [["a"]], "comparisons": [1, [["a"], "c"]]}}]
)
def test_what_the_schema_refuses_gets_there(odd: dict[str, Any]) -> None:
    assert list(chosen("a", **odd)["variants"]) == ["a"]


def test_the_name_of_a_sweep_chooses_all_its_points() -> None:
    variants = {"a": {"guidance": {"identity_weight": [0, 0.5]}}}
    found = chosen("a", variants=variants, moe={"baseline": None})
    points = ["a_identity_weight_0", "a_identity_weight_0p5"]
    assert list(found["variants"]) == found["moe"]["experts"] == points
    assert list(chosen(points[1], variants=variants, moe={"baseline": None})["variants"]) == points[1:]  # fmt: skip


def test_problems_of_sweeps_stop_the_run() -> None:
    with pytest.raises(RunStopped, match=r"variants\.a\.guidance\.identity_weight: the list is"):
        chosen(None, variants={"a": {"guidance": {"identity_weight": []}}})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("run_variants=a,b,seed=7", {"run_variants": "a,b", "seed": 7}),
        ("seed=7,run_variants=[a, b]", {"run_variants": ["a", "b"], "seed": 7}),
        ("run_variants=a", {"run_variants": "a"}),
        ("run_variants=null", {"run_variants": None}),
        ("data_root=/x,y,run_variants=a,b", {"data_root": "/x,y", "run_variants": "a,b"}),
        ("run_variants=a,b,data_root=/x,y", {"data_root": "/x,y", "run_variants": "a,b"}),
        (
            "variants.a.guidance.identity_weight=[0,0.5],variants.a.prompt=enhanced",
            {"variants": {"a": {"guidance": {"identity_weight": [0, 0.5]}, "prompt": "enhanced"}}},
        ),
        (
            "variants.a.guidance.skip_layers=[[7],[7,9]]",
            {"variants": {"a": {"guidance": {"skip_layers": [[7], [7, 9]]}}}},
        ),
    ],
)
def test_lists_on_the_command_line(text: str, values: dict[str, Any]) -> None:
    context = click.Context(click.Command("run"))
    assert split_params(context, click.Option(["--params"]), text) == values


@pytest.mark.parametrize(
    ("text", "problem"),
    [("run_variants=[a,seed=7", "the bracket is not closed"), ("seed=7,b", "must contain a key")],
)
def test_a_text_that_is_no_list_is_refused(text: str, problem: str) -> None:
    with pytest.raises(click.ClickException, match=problem):
        split_params(click.Context(click.Command("run")), click.Option(["--params"]), text)

"""The control of the selection: the same choice among as many draws of one variant."""

from __future__ import annotations

import numpy as np
import pytest
from score_tables import (
    NAN,
    NO_SETS,
    SCORING,
    SETTINGS,
    joined,
    random_scores,
    raw_parameters,
    rows,
    samples,
)

from tpige_kedro.pipelines.moe_selection.candidates import best_draws
from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    select_experts,
    summarise_variants,
)
from tpige_kedro.schemas import Parameters, tables

DRAWS = SETTINGS.model_copy(update={"equal_budget": ("a", "a_1", "a_2")})


def test_best_of_n_chooses_among_as_many_draws_as_there_were_experts() -> None:
    table = joined(
        rows("a", s1=0.5, s2=0.5, s3=0.5, s4=0.5),
        rows("b", s1=0.6, s2=0.6, s3=NAN, s4=0.6),
        rows("a_1", s1=0.7, s2=NAN, s3=0.9, s4=NAN),
        rows("a_2", s1=0.9, s2=0.8, s3=0.9, s4=NAN),
    )
    selection = select_experts(table, samples("s1", "s2", "s3", "s4"), DRAWS)
    assert selection["candidates"].tolist() == [2, 2, 1, 2]
    best = best_draws(table, selection, DRAWS.equal_budget).set_index("sample_id")["overall"]
    # s1: two of three draws; s2: the next scored one instead of the failed; s3: one expert, one draw; s4: too few, left out
    assert best.to_dict() == {"s1": 0.7, "s2": 0.8, "s3": 0.5}


def test_best_of_n_has_a_row_and_is_what_the_selection_is_compared_with(caplog) -> None:
    table = joined(*(random_scores(v) for v in ("a", "b", "a_1", "a_2")))
    selection = select_experts(table, table["sample_id"].drop_duplicates().to_frame(), DRAWS)
    summary = tables.VARIANT_SUMMARY.validate(
        summarise_variants(table, selection, NO_SETS, DRAWS, SCORING, 0)
    )
    of = summary.set_index(["variant", "metric"])["mean"]
    first, second = (table[table["variant"] == v].set_index("sample_id") for v in ("a", "a_1"))
    expected = np.maximum(first["overall"], second["overall"]).mean()
    assert of["best_of_n", "overall"] == pytest.approx(expected)
    higher = first["overall"] >= second["overall"]
    cur = first["cur_score"].where(higher, second["cur_score"]).mean()
    assert of["best_of_n", "cur_score"] == pytest.approx(cur)
    differences = tables.VARIANT_DIFFERENCES.validate(
        compare_variants(table, selection, DRAWS, seed=0)
    ).set_index(["variant", "against", "metric"])
    row = differences.loc[("moe", "best_of_n", "overall")]
    assert row["difference"] == pytest.approx(of["moe", "overall"] - expected) and row["n"] == 12
    assert not caplog.records


def test_too_few_draws_make_no_row_but_a_warning(caplog) -> None:
    table = joined(random_scores("a"), random_scores("b"))
    one = SETTINGS.model_copy(update={"equal_budget": ("a",)})
    selection = select_experts(table, table["sample_id"].drop_duplicates().to_frame(), one)
    summary = summarise_variants(table, selection, NO_SETS, one, SCORING, 0)
    assert "best_of_n" not in set(summary["variant"])
    assert "12 of 12 samples have fewer scored draws" in caplog.text
    assert "moe.equal_budget" in caplog.text


def test_selecting_among_noise_gains_as_much_by_draws_as_by_experts() -> None:
    """Experts that are nothing but other noise: the selection beats each of them, and not the control."""
    table = joined(*(random_scores(v, 3000) for v in ("a", "b", "a_1")))
    few = DRAWS.model_copy(update={"equal_budget": ("a", "a_1"), "resamples": 100})
    ids = table["sample_id"].drop_duplicates().to_frame()
    selection = select_experts(table, ids, few)
    differences = compare_variants(table, selection, few, seed=0)
    of = differences.set_index(["variant", "against", "metric"])["difference"]
    assert of["moe", "a", "overall"] > 0.04
    assert abs(of["moe", "best_of_n", "overall"]) < 0.01


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"draw": 0}, "equal in everything but draw"),
        ({"draw": 1, "prompt": "enhanced"}, "equal in everything but draw"),
        ({"draw": 1, "generator": "shared"}, "models.shared gives all clips the same noise"),
        (None, r"no variants \['again'\]"),
    ],
)
def test_draws_that_are_none_are_refused(changes: dict | None, problem: str) -> None:
    raw = raw_parameters()
    raw["moe"]["equal_budget"] = ["vace", "again"]
    raw["models"]["shared"] = {**raw["models"]["mini_vace"], "options": {"shared_noise": 2025}}
    good = {**raw["variants"]["vace"], "draw": 1}
    Parameters.model_validate({**raw, "variants": {**raw["variants"], "again": good}})
    bad = {} if changes is None else {"again": {**good, **changes}}
    with pytest.raises(ValueError, match=problem):
        Parameters.model_validate({**raw, "variants": {**raw["variants"], **bad}})

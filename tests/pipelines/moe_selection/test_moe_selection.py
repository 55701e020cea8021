from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from score_tables import (
    NAN,
    NO_SETS,
    SCORING,
    SETTINGS,
    joined,
    random_scores,
    rows,
    samples,
    texts,
)

from tpige_kedro.datasets import KeptTables
from tpige_kedro.metrics.overall import PAPER_WEIGHTS
from tpige_kedro.metrics.statistics import holm, paired_difference
from tpige_kedro.pipelines.moe_selection import create_pipeline
from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    select_experts,
    share_wins,
    summarise_variants,
)
from tpige_kedro.schemas import Parameters, tables


@pytest.fixture
def scores() -> pd.DataFrame:
    return joined(*(random_scores(v) for v in ("a", "b", "control")))


@pytest.fixture
def selection(scores: pd.DataFrame) -> pd.DataFrame:
    return select_experts(scores, samples(*(f"s{i}" for i in range(12))), SETTINGS)


@pytest.mark.parametrize("columns", [["sample_id", "variant"], rows("a").columns])
def test_nothing_scored_gives_empty_tables_all_the_way(columns: list[str]) -> None:
    keys = {"sample_id": object, "variant": object}
    table = pd.DataFrame(rows("a").head(0), columns=columns).astype(keys)
    selection = select_experts(table, samples("s1"), SETTINGS)
    assert selection["reason"].tolist() == ["a: no clip; b: no clip"]
    tables.SELECTION.validate(selection)
    tables.WIN_SHARES.validate(share_wins(selection, table, SETTINGS))
    summary = summarise_variants(table, selection, NO_SETS, SETTINGS, SCORING, 0)
    differences = compare_variants(table, selection, SETTINGS, 0)
    assert len(tables.VARIANT_SUMMARY.validate(summary)) == 0
    assert len(tables.VARIANT_DIFFERENCES.validate(differences)) == 0


# --- selection


def test_the_largest_overall_wins_and_ties_go_to_the_first_expert() -> None:
    table = joined(
        rows("b", s1=0.7, s2=0.5, s3=0.1),
        rows("a", s1=0.6, s2=0.5, s3=0.2),
        rows("control", s1=0.9, s2=0.9, s3=0.9),
    )
    ids = samples("s1", "s2", "s3")
    chosen = select_experts(table, ids, SETTINGS)
    assert chosen["variant"].tolist() == ["b", "a", "a"]  # s2: equal; the control never takes part
    assert chosen["overall"].tolist() == [0.7, 0.5, 0.2] and chosen["candidates"].tolist() == [
        2,
        2,
        2,
    ]
    turned = select_experts(table, ids, SETTINGS.model_copy(update={"experts": ("b", "a")}))
    assert turned["variant"].tolist() == ["b", "b", "a"]


def test_a_clip_without_a_score_never_beats_one_with_a_score_below_zero() -> None:
    table = joined(rows("a", s1=NAN, s2=-0.2), rows("b", s1=-0.5, s2=-0.1))
    chosen = select_experts(table, samples("s1", "s2"), SETTINGS)
    assert chosen["variant"].tolist() == ["b", "b"]
    assert chosen["overall"].tolist() == [-0.5, -0.1]


def test_a_sample_without_scores_has_a_row_and_a_reason() -> None:
    table = joined(rows("a", s1=NAN, s2=NAN), rows("b", s2=0.4))
    chosen = select_experts(table, samples("s1", "s2", "s3"), SETTINGS)
    assert texts(chosen["variant"]) == [None, "b", None]
    assert texts(chosen["reason"]) == [
        "a: no face in any frame; b: no clip",
        None,
        "a: no clip; b: no clip",
    ]
    assert chosen["candidates"].tolist() == [0, 1, 0]
    tables.SELECTION.validate(chosen)


def test_every_sample_is_given_its_own_reasons() -> None:
    ids = [f"s{i}" for i in range(40)]
    table = joined(
        *(
            rows(v, reason=f"{v} failed for {s}", **{s: NAN})
            for s in ids
            for v in ("a", "b", "control")
        )
    )
    chosen = select_experts(table, samples(*ids), SETTINGS)
    assert chosen["reason"].tolist() == [f"a: a failed for {s}; b: b failed for {s}" for s in ids]


def test_reasons_name_the_lacking_part_rather_than_the_sum() -> None:
    table = rows("a", reason="no gme_score", s1=NAN).assign(
        gme_score=NAN, gme_score_reason="no clip"
    )
    chosen = select_experts(table, samples("s1"), SETTINGS)
    assert chosen["reason"].tolist() == ["a: no clip; b: no clip"]


def test_win_shares_count_every_expert_that_took_part() -> None:
    selection = pd.DataFrame({"variant": ["b", "b", None, "a"]})
    table = joined(rows("a", s1=0.1, s4=0.9), rows("b", s1=0.5, s2=0.5), rows("c", s1=0.2))
    table = joined(table, rows("failed", s1=NAN))
    names = ("a", "skipped", "b", "c", "failed")
    wins = share_wins(selection, table, SETTINGS.model_copy(update={"experts": names}))
    assert wins["variant"].tolist() == ["a", "b", "c"], "c lost, the others took no part"
    assert wins["wins"].tolist() == [1, 2, 0]
    assert wins["share"].tolist() == pytest.approx([1 / 3, 2 / 3, 0])


# --- how sure it is


def test_summary_holds_the_means_of_each_variant_and_of_the_chosen_clips(scores, selection) -> None:
    summary = summarise_variants(scores, selection, NO_SETS, SETTINGS, SCORING, seed=0)
    tables.VARIANT_SUMMARY.validate(summary)
    of = summary.set_index(["variant", "metric"])
    for variant, table in scores.groupby("variant"):
        assert of.loc[(variant, "cur_score"), "mean"] == table["cur_score"].mean()
    chosen = scores.merge(selection[["sample_id", "variant"]])
    assert len(chosen) == 12
    assert of.loc[("moe", "arc_score"), "mean"] == pytest.approx(chosen["arc_score"].mean())
    assert of.loc[("moe", "overall"), "mean"] == pytest.approx(selection["overall"].mean())
    assert of.loc[("moe", "overall"), "mean"] > of.loc[("a", "overall"), "mean"]
    inside = summary["low"].le(summary["mean"]) & summary["mean"].le(summary["high"])
    assert inside.all() and (summary["n"] == 12).all()


def test_held_out_metrics_follow_from_a_choice_by_the_other_parts(scores, selection) -> None:
    summary = summarise_variants(scores, selection, NO_SETS, SETTINGS, SCORING, seed=0)
    of = summary.set_index(["variant", "metric"])["mean"]
    experts = scores[scores["variant"].isin(SETTINGS.experts)]
    for name in PAPER_WEIGHTS:
        others = sum(w * experts[n] for n, w in PAPER_WEIGHTS.items() if n != name)
        best = others.groupby(experts["sample_id"]).idxmax()
        assert of["moe_held_out", name] == pytest.approx(experts.loc[best, name].mean())
    assert set(of["moe_held_out"].index) == set(PAPER_WEIGHTS)


def test_selecting_among_noise_flatters_the_moe_but_not_what_it_did_not_look_at() -> None:
    table = joined(random_scores("a", 4000), random_scores("b", 4000))
    ids = table["sample_id"].drop_duplicates().to_frame()
    few = SETTINGS.model_copy(update={"resamples": 100})
    selection = select_experts(table, ids, few)
    summary = summarise_variants(table, selection, NO_SETS, few, SCORING, seed=0)
    of = summary.set_index(["variant", "metric"])["mean"]
    assert (
        of["moe", "gme_score"] > 0.6
    )  # drawn uniformly from [0, 1]: nothing is better than anything
    assert of["moe_held_out", "gme_score"] == pytest.approx(0.5, abs=0.02)


def test_missing_values_are_left_out_of_means_and_counts() -> None:
    table = joined(rows("a", s1=0.2, s2=NAN, s3=0.4))
    selection = select_experts(table, samples("s1", "s2", "s3"), SETTINGS)
    summary = summarise_variants(table, selection, NO_SETS, SETTINGS, SCORING, seed=0)
    row = summary.set_index("variant").loc["a"]
    assert row["n"] == 2 and row["mean"] == pytest.approx(0.3)


def test_differences_are_paired_with_the_baseline_and_corrected_per_metric(
    scores, selection
) -> None:
    differences = compare_variants(scores, selection, SETTINGS, seed=4)
    tables.VARIANT_DIFFERENCES.validate(differences)
    pairs = [("b", "a"), ("control", "a"), ("moe", "a"), ("control", "b")]
    one = differences[differences["metric"] == "cur_score"]
    assert list(zip(one["variant"], one["against"], strict=True)) == pairs
    wide = scores.pivot(index="sample_id", columns="variant", values="cur_score")
    expected = paired_difference(wide["b"], wide["a"], seed=4, resamples=500)
    first = one.iloc[0]
    assert (first["difference"], first["low"], first["p"]) == (
        expected.difference,
        expected.low,
        expected.p,
    )
    for _, family in differences.groupby("metric"):
        assert family["p_holm"].tolist() == holm(family["p"].tolist()).tolist()
    gain = differences.set_index(["variant", "against", "metric"]).loc[("moe", "a", "overall")]
    assert gain["difference"] >= 0 and gain["n"] == 12


def test_a_pair_named_twice_is_compared_once(scores, selection) -> None:
    twice = SETTINGS.model_copy(update={"comparisons": (("b", "a"), ("control", "b"))})
    tables.VARIANT_DIFFERENCES.validate(compare_variants(scores, selection, twice, seed=0))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"moe": {"experts": ["vace"], "baseline": "vaca"}}, "no variant 'vaca'"),
        ({"moe": {"experts": ["vace"], "comparisons": [["vace", "x"]]}}, "no variant 'x'"),
        (
            {"variants": {"vace": {"generator": "mini_vace"}, "moe": {"generator": "mini_vace"}}},
            "variants.moe",
        ),
    ],
)
def test_names_that_do_not_exist_or_are_taken_are_refused(changes: dict, problem: str) -> None:
    raw: dict = {}
    for file in sorted((Path(__file__).parents[3] / "conf" / "base").glob("parameters*.yml")):
        raw |= yaml.safe_load(file.read_text())
    Parameters.model_validate(raw)
    with pytest.raises(ValueError, match=problem):
        Parameters.model_validate({**raw, **changes})


def test_without_a_baseline_nothing_is_compared(scores, selection) -> None:
    alone = SETTINGS.model_copy(update={"baseline": None, "comparisons": ()})
    assert len(compare_variants(scores, selection, alone, seed=0)) == 0


# --- the pipeline


def test_pipeline_makes_every_table_once_from_the_scores_of_all_variants(
    scores, tmp_path: Path
) -> None:
    inputs = {
        "all_scores": scores,
        "set_scores": NO_SETS,
        "checked_samples": samples("s0", "s1", "s2"),
        "params:moe": SETTINGS,
        "params:scoring": SCORING,
        "params:seed": 0,
    }
    datasets: dict = {name: MemoryDataset(value) for name, value in inputs.items()}
    tables = ["variant_summary", "variant_differences", "win_shares"]
    kept = KeptTables(path=str(tmp_path), tables=tables, kept=str(tmp_path / "statistics"))
    catalog = DataCatalog({**datasets, "statistics": kept})
    pipeline = create_pipeline()
    assert pipeline.inputs() == set(inputs)
    assert max(len(node.inputs) for node in pipeline.nodes) <= 6
    out = SequentialRunner().run(pipeline, catalog)
    assert pipeline.all_outputs() == {"selection", "statistics", *out}
    assert set(out) == {"statistics"}
    found = kept.load()
    summarised = set(found["variant_summary"]["variant"])
    assert summarised == {"a", "b", "control", "moe", "moe_held_out"}
    assert found["win_shares"]["wins"].sum() == 3

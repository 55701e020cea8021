"""From records with known effects to the tables and plots of docs/evidence.md: they say what was put in, no more."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import synthetic_clips as world

import evidence
from ablation_rows import load_rows
from evidence_claims import (
    CONTRADICTED,
    NOT_MEASURABLE,
    NOT_SHOWN,
    PLANTED,
    REPRODUCED,
    Claim,
    Interval,
    conclusion,
    findings,
    verdict,
)
from evidence_costs import branch_forwards, cost, measured_weak_shares, recommendation
from evidence_flops import full_flops, weak_flops
from evidence_labels import label_points
from evidence_records import from_clips, with_pooled
from evidence_selection import DRAWS, EXPERTS, Chosen, select
from evidence_statistics import intervals, permutation_ps, ratio_interval
from evidence_summary import compare, difference_rows, summarise
from guidance_models import ARCHITECTURES, Workload
from guidance_rows import FORMS, guided
from guidance_table import over_cfg, step_seconds
from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.metrics.overall import PAPER_WEIGHTS
from tpige_kedro.metrics.statistics import bootstrap_interval, permutation_p
from tpige_kedro.pipelines.moe_selection.choosing import held_out_scores
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.wan_denoise import VaceDenoiser

SEEDS, MAIN, SWEEP = (0, 1), 200, 80
MISSING = ("phantom_pe", "reuse_8")
PLOTS = ("forest", "pareto", "schedules")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything the command writes for two training seeds, one main row and one row of a sweep missing."""
    folder = tmp_path_factory.mktemp("evidence")
    for seed in SEEDS:
        clips = world.clips([seed], MAIN, SWEEP, without=MISSING)
        clips.to_parquet(folder / f"clips_seed{seed}.parquet")
    (folder / "run_seed0.json").write_text('{"seconds": {"vace": 10}, "clips": {"vace": 200}}')
    evidence.write(folder, folder)
    return folder


def table(out: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(out / f"{name}.csv", dtype={"seed": str})


def difference(out: Path, row: str, against: str, measure: str, seed: str = "pooled") -> pd.Series:
    found = table(out, "differences").query(
        "row == @row and against == @against and measure == @measure and seed == @seed and slice == 'all'"
    )
    return found.iloc[0]


# --- statistics: the methods of the product, many at once ---


@pytest.mark.parametrize("n", [12, 150])
def test_intervals_and_p_values_are_those_of_the_product(n: int) -> None:
    """Within the noise of ten thousand resamples; few samples tell whether the percentiles are expanded."""
    generator = np.random.default_rng(0)
    values = generator.normal(0.05, 1, (n, 3)) * [1.0, 0.1, 5.0]
    values[: n // 6, 1] = np.nan
    found, p = intervals(values, 0), permutation_ps(values, 0)
    for i, column in enumerate(values.T):
        one = bootstrap_interval(column, 1)
        assert found.n[i] == one.n and found.mean[i] == pytest.approx(one.mean)
        near = 0.06 * (one.high - one.low)
        assert [found.low[i], found.high[i]] == pytest.approx([one.low, one.high], abs=near)
        assert p[i] == pytest.approx(permutation_p(column, 1), abs=0.02)


def test_intervals_hold_what_they_claim() -> None:
    """Over 1000 made-up experiments of 40 samples, some of them missing: 95 % within the noise of such a count."""
    generator = np.random.default_rng(0)
    values = generator.normal(1, 2, (40, 1000))
    values[generator.random(values.shape) < 0.2] = np.nan
    found = intervals(values, 0, resamples=2000)
    assert 0.93 < np.mean((found.low < 1) & (found.high > 1)) < 0.97


def test_a_column_without_values_has_no_interval() -> None:
    values = np.array([[np.nan, 1.0, 1.0], [np.nan, np.nan, 1.0]])
    found = intervals(values, 0)
    assert found.n.tolist() == [0, 1, 2]
    assert np.isnan(found.mean[0]) and np.isnan(found.low[:2]).all()
    assert (found.mean[2], found.low[2], found.high[2]) == (1, 1, 1)
    p = permutation_ps(np.where(np.isfinite(values), values - 1, np.nan), 0)
    assert np.isnan(p[0]) and p[2] == 1


def test_a_ratio_is_resampled_in_pairs_and_needs_something_to_share() -> None:
    generator = np.random.default_rng(0)
    gain = generator.normal(1, 1, 300)
    exact = ratio_interval(0.5 * gain, gain, 0)
    assert exact == pytest.approx((0.5, 0.5, 0.5))  # unpaired, it would have a wide interval
    share, low, high = ratio_interval(0.8 * gain + generator.normal(0, 0.1, 300), gain, 0)
    assert low < 0.8 < high and high - low < 0.06 and low < share < high
    assert np.isnan(ratio_interval(gain, gain - gain.mean(), 0)[1:]).all()


def test_another_generator_of_the_same_samples_is_not_another_sample() -> None:
    """A copy of a training seed adds nothing: the pooled interval is the one of the seed, and n counts samples."""
    one = world.clips([0], 60, 20)
    records = from_clips(pd.concat([one, one.assign(seed=1)]))
    a, b = records.of("vace_pe_ge"), records.of("vace_pe")
    found = pd.DataFrame(difference_rows(records, a - b, 0)).set_index(["measure", "seed"])
    first, pooled = found.loc[("identity", "0")], found.loc[("identity", "pooled")]
    for key in ("n", "difference", "low", "high", "p"):
        assert pooled[key] == pytest.approx(first[key])
    assert pooled["n"] == 60 and pooled["seeds"] == 2 and pooled["seeds_sd"] == 0


def test_a_sample_counts_with_the_seeds_that_have_it() -> None:
    values = np.array([[1.0, np.nan, np.nan], [3.0, 4.0, np.nan]])
    assert with_pooled(values)[-1].tolist()[:2] == [2.0, 4.0]
    assert np.isnan(with_pooled(values)[-1, 2])


# --- means and differences ---


@pytest.mark.parametrize(
    ("row", "against", "effect"),
    [
        ("vace_pe", "vace", world.PE),
        ("vace_pe_ie", "vace_pe", world.IE),
        ("vace_pe_ge", "vace_pe_cfg_matched", 0.5 * world.GE_PER_UNIT),
        ("vace_pe_cfg_matched", "vace_pe", 0.5 * world.TEXT_PER_UNIT),
        ("wc_4", "wc_1", 3 * world.TEXT_PER_UNIT),
        ("wc_2_wi_0.5", "wc_2", 0.5 * world.GE_PER_UNIT),  # against its own text scale
        ("late", "always", ((1 - 0.67) ** 0.5 - 1) * world.GE_PER_UNIT),
        ("phantom_ge", "phantom", 0.5 * world.GE_PER_UNIT),
    ],
)
def test_differences_hold_the_effects_put_in(
    out: Path, row: str, against: str, effect: float
) -> None:
    found = difference(out, row, against, "identity when seen")
    width = found["high"] - found["low"]
    assert width < 0.011
    assert abs(found["difference"] - effect) < 0.75 * width  # of 3 standard errors, for all cases
    assert found["p_holm"] >= found["p"]
    assert found["seeds_min"] <= found["difference"] <= found["seeds_max"]


def test_nothing_put_in_is_nothing_found(out: Path) -> None:
    found = difference(out, "vace_pe_ge", "vace_pe", "gme_score")
    assert found["low"] < 0 < found["high"] and found["p_holm"] > 0.05


def test_pairs_are_the_samples_that_both_rows_have(out: Path) -> None:
    assert difference(out, "vace_pe_ie", "vace_pe", "identity")["n"] == MAIN
    assert difference(out, "phantom_ge", "phantom", "identity")["n"] == SWEEP
    hidden = difference(out, "vace_pe", "vace", "identity when seen", seed="0")["n"]
    assert MAIN // 2 < hidden < MAIN // 2 + 25  # a tenth of the hiding roles shows the face anyway


def test_corrections_are_within_a_measure_and_a_family(out: Path) -> None:
    table_ = table(out, "differences").query("family == 'form' and seed == 'pooled'")
    one = table_[table_["measure"] == "identity"]
    smallest = one.loc[one["p"].idxmin()]
    assert smallest["p_holm"] == pytest.approx(min(1, smallest["p"] * len(one)), rel=1e-3)


def test_the_summary_has_seeds_slices_and_sweeps_on_their_common_samples(out: Path) -> None:
    summary = table(out, "summary").query("measure == 'identity'")
    of = summary.set_index(["family", "row", "seed", "slice"])["n"]
    assert of["main", "vace_pe", "pooled", "all"] == of["main", "vace_pe", "1", "all"] == MAIN
    assert of["main", "vace_pe", "pooled", "people"] == MAIN // 2
    # made as a row of all samples, shown on those of the others
    assert of["text", "wc_1", "pooled", "all"] == of["text", "wc_6", "pooled", "all"] == SWEEP
    assert not set(MISSING) & set(summary["row"])
    means = summary.set_index(["family", "row", "seed", "slice"])["mean"]
    seeds = [means["main", "vace_pe", str(seed), "all"] for seed in SEEDS]
    row = summary.set_index(["family", "row", "seed", "slice"]).loc[
        ("main", "vace_pe", "pooled", "all")
    ]
    assert row["mean"] == pytest.approx(np.mean(seeds), abs=1e-4)
    assert row["seeds_sd"] == pytest.approx(np.std(seeds, ddof=1), rel=1e-2)


# --- selection ---


def scored(shares: list[str]) -> pd.DataFrame:
    """Clips of which the named expert has the highest overall score, sample by sample; all else is noise."""
    generator, n = np.random.default_rng(3), len(shares)
    parts = []
    for name in dict.fromkeys((*EXPERTS, *DRAWS)):
        scores = pd.DataFrame({m: generator.uniform(0, 1, n) for m in PAPER_WEIGHTS})
        scores["overall"] = sum(w * scores[m] for m, w in PAPER_WEIGHTS.items())
        scores.loc[[s == name for s in shares], "overall"] = 2.0
        scores["identity"] = scores["cur_score"]
        about = {"seed": 0, "made_as": name, "slice": "people", "hides": False}
        parts.append(scores.assign(**about, sample_id=[f"s{i:03d}" for i in range(n)]))
    return pd.concat(parts)


def test_win_shares_are_those_put_in() -> None:
    shares = ["phantom"] * 10 + ["vace"] * 20 + ["vace_pe_ge"] * 70
    table_ = select(from_clips(scored(shares)), 0)
    wins = table_[(table_["what"] == "win share") & (table_["seed"] == "pooled")]
    assert wins.set_index("row")["value"].to_dict() == pytest.approx(
        {"phantom": 0.1, "vace": 0.2, "vace_pe": 0, "vace_pe_ie": 0, "vace_pe_ge": 0.7}
    )
    vace = wins.set_index("row").loc["vace"]
    assert vace["low"] < 0.2 < vace["high"] and vace["n"] == 100


def test_leaving_a_metric_out_is_what_the_product_does() -> None:
    records = from_clips(world.clips([0], 50, 10))
    chosen = Chosen(records, EXPERTS, DRAWS)
    product = held_out_scores(chosen.scores(0, ""), EXPERTS, PAPER_WEIGHTS)
    for measure, values in product.items():
        moe, _ = chosen.clips(measure)
        ours = moe[0, :, records.measures.index(measure)]
        assert ours.tolist() == pytest.approx(values.tolist())
    seen = chosen.clips("")[0][0, :, records.measures.index("cur_score")]
    assert not np.allclose(seen, product["cur_score"])


def test_choosing_among_noise_gains_in_what_was_seen_only() -> None:
    records = from_clips(scored(["nobody"] * 300))
    table_ = select(records, 0).query("seed == 'pooled'").set_index(["what", "kind", "measure"])
    seen = table_.loc[("moe - best expert", "seen", "cur_score")]
    unseen = table_.loc[("moe - best expert", "left out", "cur_score")]
    assert seen["low"] > 0.05 and unseen["low"] < 0.02
    for kind, measure in (("seen", "overall"), ("left out", "gme_score")):
        fair = table_.loc[("moe - best of n", kind, measure)]
        assert fair["low"] < 0 < fair["high"]  # five experts of noise are five draws of it
    assert table_.loc[("best of n - one draw", "seen", "overall"), "low"] > 0.05


def test_the_best_of_as_many_draws_is_the_control(out: Path) -> None:
    table_ = table(out, "selection").query("seed == 'pooled'")
    found = table_[table_["what"] == "moe - best of n"]
    assert set(found["kind"]) == {"seen", "left out", "independent"}
    assert set(found["against"]) == {"best_of_n"}
    assert set(found["n"]) == {MAIN}
    judged = found[found["kind"] == "independent"]["measure"].tolist()
    assert judged == ["identity", "text match"]


# --- costs ---


def test_forwards_and_costs_by_hand() -> None:
    seconds = measured_weak_shares()
    rows = {row.name: row for row in load_rows()}
    of = {(name, steps): cost(rows[name], steps, seconds) for name in rows for steps in (20, 50)}
    weak = weak_flops(ARCHITECTURES["14b"], Guidance(weak_branch="t2v")) / full_flops(
        ARCHITECTURES["14b"]
    )
    assert weak == pytest.approx(0.770, abs=5e-4)  # 1678 of 2179 TFLOP
    assert of["vace_pe", 20]["x_cfg_flops"] == of["vace_pe", 50]["x_cfg_seconds"] == 1.0
    assert of["wc_0", 50]["x_cfg_flops"] == 0.5  # no unconditional branch
    assert of["wc_0_wi_1", 20]["x_cfg_flops"] == pytest.approx((1 + weak) / 2)
    assert of["reuse_4", 20]["weak"] == 7  # steps 0, 1, 2, 4, 8, 12, 16
    assert of["reuse_4", 50]["weak"] == 15  # 0, 1, 2, 4, 8, ... 48
    assert of["first_half_reuse_4", 20]["weak"] == 5  # 0, 1, 2, 4, 8
    assert of["reuse_4", 50]["x_cfg_flops"] == pytest.approx(1 + 0.15 * weak)
    assert of["linear", 20]["x_cfg_flops"] == pytest.approx(1 + weak / 2)  # a decay saves nothing
    assert of["always", 50]["x_cfg_seconds"] == pytest.approx(
        1.376, abs=1e-3
    )  # docs/performance.md


@pytest.mark.parametrize("form", FORMS)
def test_seconds_add_up_as_in_the_table_of_the_guidance_benchmark(form: str) -> None:
    path = Path(evidence.__file__).with_name("guidance_h200.jsonl")
    rows = pd.read_json(path, lines=True).query("model == '14b'").to_dict("records")
    guidance = guided(form, reuse_every=5)
    runs = branch_forwards(guidance, 50)
    weak = measured_weak_shares()[form]
    ours = (100 + weak * runs["pred_weak"]) / 100
    assert ours == pytest.approx(over_cfg(guidance, step_seconds(rows)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("skip", [(), (1, 2)])
def test_flops_are_what_the_denoiser_runs(form: str, skip: tuple[int, ...]) -> None:
    tiny = ARCHITECTURES["tiny"]
    work = Workload(tiny, torch.device("meta"), torch.bfloat16)
    guidance = Guidance(identity_weight=0.5, weak_branch=form, skip_layers=skip)
    components = SimpleNamespace(
        transformer=work.transformer, guider=IdAwareGuidance.from_settings(guidance)
    )
    with FlopCounterMode(display=False) as counter:
        VaceDenoiser()(components, work.state(guidance, 4), 0, torch.tensor(976, device="meta"))
    expected = 2 * full_flops(tiny) + weak_flops(tiny, guidance)
    assert counter.get_total_flops() == pytest.approx(expected, rel=1e-9)


def test_the_share_of_the_gain_is_the_one_put_in(out: Path) -> None:
    costs = table(out, "costs").query("seed == 'pooled' and steps == 20").set_index("row")
    rows = {row.name: row for row in load_rows()}
    for name in ("late", "first_half", "linear", "reuse_3", "first_half_reuse_4"):
        kept = costs.loc[name]
        width = kept["high"] - kept["low"]
        assert abs(kept["identity_kept"] - world.share_kept(rows[name])) < 0.75 * width < 0.2, name
        assert kept["n"] == SWEEP
    assert costs.loc["always", "identity_kept"] == 1
    assert np.isnan(costs.loc["reuse_8", "identity_kept"])  # no clips, but a cost
    assert costs.loc["reuse_8", "weak"] == 5
    assert costs.loc["vace", "mini_seconds_a_clip"] == pytest.approx(0.05)


def test_the_recommendation_keeps_enough_at_little_cost_or_says_what_there_is() -> None:
    columns = ["row", "x_cfg_flops", "x_cfg_seconds", "identity_kept", "low", "high"]
    rows = [
        ("always", 1.38, 1.38, 1.0, 1.0, 1.0),
        ("dear", 1.2, 1.2, 0.99, 0.97, 1.01),
        ("poor", 1.05, 1.05, 0.7, 0.6, 0.8),
    ]
    good = ("good", 1.09, 1.08, 0.96, 0.93, 0.99)

    def advice(lines: list[tuple]) -> str:
        costs = pd.DataFrame(lines, columns=columns)
        return recommendation(costs.assign(family="schedule", seed="pooled", steps=20))[0]

    assert advice([*rows, good]).startswith("At 20 steps: `good` keeps 96 % [93, 99]")
    assert "not sure" in advice([*rows, good])
    assert "not sure" not in advice([*rows, (*good[:4], 0.951, 0.99)])
    without = advice(rows)
    assert "no schedule keeps 95 %" in without
    assert "at that cost: `poor`" in without and "as much: `dear`" in without
    by_seconds_only = [*rows, ("uneven", 1.15, 1.08, 0.96, 0.95, 0.97)]
    assert "no schedule" in advice(by_seconds_only)  # both costs have to be low


# --- verdicts ---


@pytest.mark.parametrize(
    ("low", "high", "direction", "expected"),
    [
        (0.01, 0.03, "higher", REPRODUCED),
        (-0.01, 0.03, "higher", NOT_SHOWN),
        (-0.03, -0.01, "higher", CONTRADICTED),
        (-0.03, -0.01, "lower", REPRODUCED),
        (-0.03, 0.01, "lower", NOT_SHOWN),
        (0.01, 0.03, "lower", CONTRADICTED),
        (0.0, 0.0, "higher", NOT_SHOWN),
        (0.001, 0.009, "similar", REPRODUCED),  # other than zero, but as close as the paper's own
        (-0.02, 0.009, "similar", NOT_SHOWN),
        (0.011, 0.03, "similar", CONTRADICTED),
        (-0.009, 0.5, "no worse", REPRODUCED),
        (-0.02, 0.5, "no worse", NOT_SHOWN),
        (-0.03, -0.02, "no worse", CONTRADICTED),
        (np.nan, np.nan, "higher", NOT_MEASURABLE),
    ],
)
def test_verdicts_follow_the_rule(low: float, high: float, direction: str, expected: str) -> None:
    assert verdict(Interval((low + high) / 2, low, high), direction) == expected


def test_what_was_planted_is_no_finding_but_its_absence_is() -> None:
    assert verdict(Interval(0.2, 0.1, 0.3), instead=PLANTED) == PLANTED
    assert verdict(Interval(-0.2, -0.3, -0.1), instead=PLANTED) == CONTRADICTED
    assert verdict(None) == NOT_MEASURABLE


def test_a_best_row_has_to_beat_every_other_and_is_judged_by_the_nearest(out: Path) -> None:
    differences, selection = table(out, "differences"), table(out, "selection")
    pairs = (("vace_pe_ge", "vace_pe_ie"), ("vace_pe_ge", "vace_pe"))
    (found,) = findings(Claim("best", ("identity when seen",), pairs), differences, selection)
    assert (found.against, found.verdict) == ("vace_pe", REPRODUCED)
    (lower,) = findings(
        Claim("lowest", ("face_feature_sqdist",), pairs, "lower"), differences, selection
    )
    assert (lower.against, lower.verdict) == ("vace_pe", REPRODUCED)
    unknown = findings(
        Claim("?", ("identity",), (("phantom_pe", "phantom"),)), differences, selection
    )
    assert conclusion(unknown) == NOT_MEASURABLE


def test_verdicts_of_the_made_up_world(out: Path) -> None:
    lines = (out / "tables.md").read_text().splitlines()
    said = {
        cells[1].strip(): cells[2].strip()
        for cells in (line.split("|") for line in lines)
        if len(cells) == 5
    }
    assert said["With PE, identity consistency improves significantly"] == PLANTED
    assert said["… but decreases identity consistency"] == REPRODUCED
    assert said["… and imaging quality"] == NOT_SHOWN
    assert said["… but increases the diversity of the clips"] == NOT_MEASURABLE
    assert said["… GE's part of it"] == NOT_MEASURABLE  # phantom_pe has no clips
    assert said["… at no worse a text match"] == REPRODUCED
    assert said["… since identity is measured against the original reference"] == NOT_MEASURABLE


# --- the command ---


def test_what_is_missing_is_named_and_everything_else_is_there(out: Path) -> None:
    text = (out / "tables.md").read_text()
    for name in MISSING:
        assert f"* row {name}: no clips" in text
    assert "Pooled over 2 training seeds, n = 200 samples." in text
    for name in PLOTS:
        path = out / f"{name}.png"
        assert path.stat().st_size < 150_000
        assert Image.open(path).size[0] > 800


@pytest.mark.parametrize("without", [("vace_pe",), tuple(EXPERTS)])
def test_one_seed_and_any_row_missing(
    tmp_path: Path, without: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ("main", "text", "schedule")
    sweeps = tuple(row.name for row in load_rows() if row.family not in kept)
    clips = world.clips([2], 24, 12, without=(*without, *sweeps))
    clips.to_parquet(tmp_path / "clips_seed2.parquet")
    evidence.write(tmp_path, tmp_path)
    assert {f.name for f in tmp_path.glob("*.csv")} == {
        *("summary.csv", "differences.csv", "selection.csv", "costs.csv")
    }
    printed = capsys.readouterr().out
    assert all(f"left out: row {name}: no clips" in printed for name in without)
    summary = table(tmp_path, "summary")
    assert set(summary["seed"]) == {"2", "pooled"}
    assert summary["seeds_sd"].isna().all()  # one seed says nothing of the spread


def test_a_clip_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    clips = world.clips([0], 4, 2)
    with pytest.raises(ValueError, match="the first: seed 0, row vace, sample s0000"):
        from_clips(pd.concat([clips, clips.head(1)]))
    with pytest.raises(FileNotFoundError, match="clips_seed"):
        evidence.write(tmp_path, tmp_path)


def test_the_order_of_the_clips_does_not_matter() -> None:
    clips = world.clips([0, 1], 20, 10)
    shuffled = clips.sample(frac=1, random_state=0)
    rows = [row for row in load_rows() if row.family == "main"][:4]
    for make in (summarise, compare):
        ours, other = (make(from_clips(c, rows), 0) for c in (clips, shuffled))
        pd.testing.assert_frame_equal(ours, other)


def test_labels_cover_neither_each_other_nor_the_points() -> None:
    figure = Figure(figsize=(6, 4), dpi=100)
    axes = figure.subplots()
    points = [(1 + 0.01 * i, 1 + 0.01 * (i % 3), f"label {i}", "black") for i in range(10)]
    axes.plot([0, 2, *(p[0] for p in points)], [0, 2, *(p[1] for p in points)], "o")
    label_points(axes, points)
    figure.draw_without_rendering()
    texts = {t.get_text(): t for t in axes.texts if t.get_text()}
    assert set(texts) == {p[2] for p in points}
    renderer = figure._get_renderer()
    boxes = [Text.get_window_extent(t, renderer) for t in texts.values()]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert not any(box.contains(*axes.transData.transform(p[:2])) for p in points)

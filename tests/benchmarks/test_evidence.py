"""From records with known effects to the tables and plots of docs/evidence.md: they say what was put in, no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic_clips as world
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import benchmarks.evidence.run as evidence
from benchmarks.ablation.rows import load_rows
from benchmarks.evidence.labels import label_points
from benchmarks.evidence.records import from_clips
from benchmarks.evidence.selection import EXPERTS
from benchmarks.evidence.summary import compare, summarise

PLOTS = ("forest", "pareto", "schedules")


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
    found = world.difference(out, row, against, "identity when seen")
    width = found["high"] - found["low"]
    assert width < 0.011
    assert abs(found["difference"] - effect) < 0.75 * width  # of 3 standard errors, for all cases
    assert found["p_holm"] >= found["p"]
    assert found["seeds_min"] <= found["difference"] <= found["seeds_max"]


def test_nothing_put_in_is_nothing_found(out: Path) -> None:
    found = world.difference(out, "vace_pe_ge", "vace_pe", "gme_score")
    assert found["low"] < 0 < found["high"] and found["p_holm"] > 0.05


def test_pairs_are_the_samples_that_both_rows_have(out: Path) -> None:
    assert world.difference(out, "vace_pe_ie", "vace_pe", "identity")["n"] == world.ALL_SAMPLES
    assert world.difference(out, "phantom_ge", "phantom", "identity")["n"] == world.FIRST
    hidden = world.difference(out, "vace_pe", "vace", "identity when seen", seed="0")["n"]
    assert (
        world.ALL_SAMPLES // 2 < hidden < world.ALL_SAMPLES // 2 + 25
    )  # a tenth of the hiding roles shows the face anyway


def test_corrections_are_within_a_measure_and_a_family(out: Path) -> None:
    table_ = world.table(out, "differences").query("family == 'form' and seed == 'pooled'")
    one = table_[table_["measure"] == "identity"]
    smallest = one.loc[one["p"].idxmin()]
    assert smallest["p_holm"] == pytest.approx(min(1, smallest["p"] * len(one)), rel=1e-3)


def test_the_summary_has_seeds_slices_and_sweeps_on_their_common_samples(out: Path) -> None:
    summary = world.table(out, "summary").query("measure == 'identity'")
    of = summary.set_index(["family", "row", "seed", "slice"])["n"]
    assert (
        of["main", "vace_pe", "pooled", "all"]
        == of["main", "vace_pe", "1", "all"]
        == world.ALL_SAMPLES
    )
    assert of["main", "vace_pe", "pooled", "people"] == world.ALL_SAMPLES // 2
    # made as a row of all samples, shown on those of the others
    assert of["text", "wc_1", "pooled", "all"] == of["text", "wc_6", "pooled", "all"] == world.FIRST
    assert not set(world.MISSING) & set(summary["row"])
    means = summary.set_index(["family", "row", "seed", "slice"])["mean"]
    seeds = [means["main", "vace_pe", str(seed), "all"] for seed in world.SEEDS]
    row = summary.set_index(["family", "row", "seed", "slice"]).loc[
        ("main", "vace_pe", "pooled", "all")
    ]
    assert row["mean"] == pytest.approx(np.mean(seeds), abs=1e-4)
    assert row["seeds_sd"] == pytest.approx(np.std(seeds, ddof=1), rel=1e-2)


def test_what_is_missing_is_named_and_everything_else_is_there(out: Path) -> None:
    text = (out / "tables.md").read_text()
    for name in world.MISSING:
        assert f"* row {name}: no clips" in text
    assert "n = 200 samples, pooled over 2 training seeds." in text
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
    assert {f.name for f in tmp_path.glob("*.csv.gz")} == {
        *("summary.csv.gz", "differences.csv.gz", "selection.csv.gz", "costs.csv.gz"),
        "wording.csv.gz",
    }
    printed = capsys.readouterr().out
    assert all(f"left out: row {name}: no clips" in printed for name in without)
    summary = world.table(tmp_path, "summary")
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

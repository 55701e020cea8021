"""The ablation's batched scores are the scorers' own, its rows are sound, and a stopped run goes on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import benchmarks.ablation.run as ablation
from benchmarks.ablation.agree import differences, rescored
from benchmarks.ablation.clips import ClipMaker
from benchmarks.ablation.collect import collect
from benchmarks.ablation.mini_pairs import Pairs, draw_pairs
from benchmarks.ablation.rows import load_rows, rows_to_make
from benchmarks.ablation.run import (
    MINI,
    alternating,
    load_parameters,
    make_scores,
    part_of,
    to_bytes,
)
from benchmarks.ablation.scores import ClipScores
from benchmarks.evidence.sentences import SHIPPED
from tpige_kedro.metrics.overall import overall
from tpige_kedro.metrics.protocol import Missing, ScoredClip
from tpige_kedro.schemas import Variant

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return alternating(draw_pairs(2, 5, False, CPU), draw_pairs(2, 6, True, CPU))


@pytest.fixture(scope="module")
def scores() -> ClipScores:
    return make_scores(ClipMaker(load_parameters(), MINI, 2, "cpu", 0))


def test_batched_scores_are_those_of_the_scorers(pairs: Pairs, scores: ClipScores) -> None:
    clips = to_bytes(pairs.truth)
    clips[3] = 128  # a clip without a face
    columns = scores(clips, pairs)
    for i in range(len(clips)):
        clip = ScoredClip(clips[i].numpy(), 8.0, pairs.pictures[i], pairs.prompts[i])
        values: dict[str, Any] = {}
        for scorer in (scores.face, scores.alignment, scores.motion, scores.imaging):
            values |= scorer.score(clip)
        values["overall"] = overall(values)
        for name in set(values) & set(columns):
            single = float("nan") if isinstance(values[name], Missing) else values[name]
            assert float(columns[name][i]) == pytest.approx(
                single, rel=1e-5, abs=1e-5, nan_ok=True
            ), name
    assert set(scores.weights) < set(columns) and columns["face_rate"][3] == 0
    assert torch.isnan(columns["face_feature_sqdist"][3]) and columns["arc_score"][3] == 0


def test_slices_alternate_so_that_a_beginning_has_both(pairs: Pairs) -> None:
    assert pairs.ids == ["seen0000", "new0000", "seen0001", "new0001"]
    again = draw_pairs(2, 6, True, CPU)
    assert pairs.prompts[1] == again.prompts[0]
    assert torch.equal(pairs.truth[3], again.truth[1])
    assert part_of(pairs, slice(1, 3)).ids == pairs.ids[1:3]


def test_equal_rows_are_made_once() -> None:
    rows = load_rows()
    made = rows_to_make(rows)
    by_name = {row.name: row for row in rows}
    assert len({row.variant.model_dump_json() for row in rows}) == len(made) < len(rows)
    assert all(row.variant == by_name[row.made_as].variant for row in rows)
    assert by_name["wc_1"].made_as == "vace_pe"


def test_every_variant_of_the_laptop_run_is_a_row() -> None:
    apart = {
        "hailuo",
        "vace_pe_fast",
        "vace_pe_ge_fast",
    }  # a service; benchmarks/price_list has the few steps
    variants = load_parameters()["variants"].items()
    shipped = {k: Variant(**v) for k, v in variants if k not in apart}
    measured = [row.variant for row in load_rows()]
    assert [name for name, variant in shipped.items() if variant not in measured] == []


def test_what_is_said_of_conf_base_is_said_of_its_variant_and_control() -> None:
    rows = {row.name: row.variant for row in load_rows()}
    shipped = load_parameters()["variants"]
    ((guided, control),) = SHIPPED
    assert rows[guided] == Variant(**shipped["vace_pe_ge"])
    assert rows[control] == Variant(**shipped["vace_pe"])


def test_a_stopped_run_goes_on_behind_the_finished_rows(
    tmp_path: Path,
    scores: ClipScores,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = "--out {} --pairs 4 --sweep-pairs 2 --batch 2 --device cpu --rows rendered,wc_0"
    monkeypatch.chdir(ablation.ROOT)
    parameters = load_parameters()
    for model in ("mini_vace", "mini_still"):
        parameters["models"][model]["options"]["steps"] = 3
    monkeypatch.setattr(ablation, "load_parameters", lambda steps: parameters)

    def start(*more: str) -> None:
        command = [*arguments.format(tmp_path).split(), *more]
        monkeypatch.setattr(sys, "argv", ["ablation.py", *command])
        ablation.main()

    start("--minutes", "0")
    assert "stopped before rendered" in capsys.readouterr().out
    start("--keep", "wc_0")
    first = pd.read_csv(tmp_path / "wc_0.csv")
    assert list(first["sample_id"]) == ["seen0000", "new0000"]
    assert first["identity"].between(-1, 1).all()
    again = differences(first, rescored(tmp_path / "wc_0.pt", scores))
    assert again["clips"].eq(2).all() and again["largest"].max() < 1e-4
    assert differences(first, first.assign(identity=0))["largest"]["identity"] > 0.1
    written = (tmp_path / "wc_0.csv").stat().st_mtime_ns
    start()
    assert capsys.readouterr().out.endswith("all rows are there\n")
    with pytest.raises(SystemExit, match="other settings: seed 60000 -> 1"):
        start("--seed", "1")
    assert (tmp_path / "wc_0.csv").stat().st_mtime_ns == written


def test_clips_of_the_evidence_keep_their_steps_whatever_the_laptop_run_has() -> None:
    for steps, made in ((20, load_parameters()), (8, load_parameters(8))):
        taken = {n: made["models"][n]["options"]["steps"] for n in ("mini_vace", "mini_phantom")}
        assert taken == {"mini_vace": steps, "mini_phantom": steps}
        assert made["models"]["mini_vace_fast"]["options"]["steps"] == 4


def test_collected_clips_are_rounded_but_little_and_missing_values_stay(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=100)
    labels = {"made_as": "x", "sample_id": map(str, range(100)), "slice": "people", "hides": True}
    table = pd.DataFrame(labels | {"identity": values})
    table.loc[3, "identity"] = np.nan
    ablation.write(table, tmp_path / "x.csv", {"clips": 100, "seconds": 1.5})
    clips, pace = collect(tmp_path, 2)
    assert clips["seed"].eq(2).all() and pace == {"seconds": {"x": 1.5}, "clips": {"x": 100}}
    assert clips["identity"].isna().to_list() == [i == 3 for i in range(100)]
    np.testing.assert_allclose(clips["identity"].dropna(), np.delete(values, 3), rtol=4e-5)

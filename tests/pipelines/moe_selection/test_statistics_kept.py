"""Statistics are computed again only when what decides them has changed, and are the same tables when kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError
from score_tables import NO_SETS, SCORING, SETTINGS, joined, random_scores, samples

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.errors import TpigeError
from tpige_kedro.pipelines.moe_selection import statistics
from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    select_experts,
    summarise_variants,
)

SCORES = joined(*(random_scores(v) for v in ("a", "b", "control")))
SELECTION = select_experts(SCORES, samples(*(f"s{i}" for i in range(12))), SETTINGS)


def folder(root: Path) -> ItemFolder:
    table = "tpige_kedro.datasets.TableDataset"
    return ItemFolder(path=str(root / "statistics"), suffix=".parquet", dataset=table)


GIVEN = {
    "all_scores": SCORES,
    "selection": SELECTION,
    "set_scores": NO_SETS,
    "moe": SETTINGS,
    "scoring": SCORING,
    "seed": 0,
}
A_SET = pd.DataFrame({"variant": ["a"], "n": [12], "face_fid": [3.0], "face_fid_reason": [None]})


def computed(root: Path, **changes: Any) -> list[str]:
    """Which tables were computed, and not kept."""
    work = statistics.compute_statistics(**GIVEN | changes)
    dataset = folder(root)
    todo = [job.key for job in dataset.plan(work)]
    dataset.save(work)
    return todo


def test_kept_tables_are_those_that_were_computed(tmp_path: Path) -> None:
    assert computed(tmp_path) == ["variant_summary", "variant_differences"]
    assert computed(tmp_path) == []
    summary, differences = statistics.tabulate_statistics(folder(tmp_path).load())
    expected = summarise_variants(SCORES, SELECTION, NO_SETS, SETTINGS, SCORING, 0)
    pd.testing.assert_frame_equal(summary, expected)
    pd.testing.assert_frame_equal(differences, compare_variants(SCORES, SELECTION, SETTINGS, 0))


@pytest.mark.parametrize(
    "change",
    [
        {"all_scores": SCORES.assign(overall=SCORES["overall"] + 1e-9)},
        {"selection": SELECTION.iloc[:-1]},
        {"set_scores": A_SET},
        {"moe": SETTINGS.model_copy(update={"resamples": 200})},
        {"scoring": SCORING.model_copy(update={"overall": {**SCORING.overall, "gme_score": 0.4}})},
        {"seed": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_computes_both_again(tmp_path: Path, change: dict) -> None:
    computed(tmp_path)
    assert len(computed(tmp_path, **change)) == 2


def test_changed_code_computes_both_again(tmp_path: Path, monkeypatch) -> None:
    computed(tmp_path)
    monkeypatch.setattr(statistics, "code_hash", lambda *parts: "other")
    assert len(computed(tmp_path)) == 2


def test_a_damaged_table_is_computed_again_or_named(tmp_path: Path) -> None:
    computed(tmp_path)
    file = tmp_path / "statistics/variant_summary.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(TpigeError, match=r"variant_summary.*--pipelines=moe_selection"):
        statistics.tabulate_statistics(folder(tmp_path).load())
    assert computed(tmp_path) == ["variant_summary"]
    statistics.tabulate_statistics(folder(tmp_path).load())


def test_an_error_ends_the_run(tmp_path: Path) -> None:
    without = SCORES.drop(columns=list(SCORING.overall)[:1])
    with pytest.raises((TpigeError, DatasetError), match="run kedro run --pipelines=scoring"):
        computed(tmp_path, all_scores=without)

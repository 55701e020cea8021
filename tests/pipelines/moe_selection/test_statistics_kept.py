"""Statistics are computed again only when what decides them has changed, and are the same tables when kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError
from pandera.errors import SchemaError
from score_tables import NO_SETS, SCORING, SETTINGS, joined, random_scores, samples

from tpige_kedro.datasets import KeptTables
from tpige_kedro.errors import TpigeError
from tpige_kedro.pipelines.moe_selection import statistics
from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    select_experts,
    share_wins,
    summarise_variants,
)
from tpige_kedro.schemas.tables import check_statistics

SCORES = joined(*(random_scores(v) for v in ("a", "b", "control")))
SELECTION = select_experts(SCORES, samples(*(f"s{i}" for i in range(12))), SETTINGS)


TABLES = ["variant_summary", "variant_differences", "win_shares"]


def kept(root: Path) -> KeptTables:
    return KeptTables(path=str(root), tables=TABLES, kept=str(root / "statistics"))


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
    dataset = kept(root)
    todo = [job.key for job in dataset.kept.plan(work)]
    dataset.save(work)
    return todo


def test_kept_tables_are_those_that_were_computed(tmp_path: Path) -> None:
    assert computed(tmp_path) == TABLES
    assert computed(tmp_path) == []
    found = kept(tmp_path).load()
    expected = {
        "variant_summary": summarise_variants(SCORES, SELECTION, NO_SETS, SETTINGS, SCORING, 0),
        "variant_differences": compare_variants(SCORES, SELECTION, SETTINGS, 0),
        "win_shares": share_wins(SELECTION, SCORES, SETTINGS),
    }
    assert list(found) == list(expected) == TABLES
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table)


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
def test_a_change_computes_all_again(tmp_path: Path, change: dict) -> None:
    computed(tmp_path)
    assert computed(tmp_path, **change) == TABLES


def test_changed_code_computes_all_again(tmp_path: Path, monkeypatch) -> None:
    computed(tmp_path)
    monkeypatch.setattr(statistics, "code_hash", lambda *parts: "other")
    assert computed(tmp_path) == TABLES


def test_a_damaged_table_is_computed_again(tmp_path: Path) -> None:
    computed(tmp_path)
    before = kept(tmp_path).load()
    file = tmp_path / "statistics/variant_summary.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    assert computed(tmp_path) == ["variant_summary"]
    pd.testing.assert_frame_equal(
        kept(tmp_path).load()["variant_summary"], before["variant_summary"]
    )


@pytest.mark.parametrize("name", TABLES)
def test_a_damaged_file_is_written_again_or_named(tmp_path: Path, name: str) -> None:
    computed(tmp_path)
    file = tmp_path / f"{name}.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    with pytest.raises(DatasetError, match=rf"{name}.parquet is damaged"):
        kept(tmp_path).load()
    assert computed(tmp_path) == []
    assert file.read_bytes() == whole


def test_what_is_no_table_of_statistics_is_refused(tmp_path: Path, monkeypatch) -> None:
    shares = pd.DataFrame({"variant": ["a"], "wins": [3], "share": [1.5]})
    monkeypatch.setattr(statistics, "share_wins", lambda *given: shares)
    with pytest.raises(DatasetError, match="Column 'share' failed"):
        computed(tmp_path)
    with pytest.raises(SchemaError, match="Column 'share' failed"):
        check_statistics({"win_shares": shares})


def test_an_error_ends_the_run(tmp_path: Path) -> None:
    without = SCORES.drop(columns=list(SCORING.overall)[:1])
    with pytest.raises((TpigeError, DatasetError), match="run kedro run --pipelines=scoring"):
        computed(tmp_path, all_scores=without)

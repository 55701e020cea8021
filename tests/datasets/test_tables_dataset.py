"""Several tables under one entry: whole, or not there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tpige_kedro.datasets import TablesDataset
from tpige_kedro.files.errors import DatasetError

SCORES = pd.DataFrame({"variant": ["x", "=y"], "points": [1.5, 0.5]})
RATERS = pd.DataFrame({"rater": ["ada"], "kept": [True]})


@pytest.fixture
def tables(tmp_path: Path) -> TablesDataset:
    found = TablesDataset(path=str(tmp_path / "results"))
    found.save({"scores": SCORES, "raters": RATERS})
    return found


def names(tables: TablesDataset) -> list[str]:
    return sorted(file.name for file in tables.path.iterdir())


def test_tables_come_back_as_they_were_each_also_as_csv(tables: TablesDataset) -> None:
    loaded = tables.load()
    assert list(loaded) == ["scores", "raters"]
    pd.testing.assert_frame_equal(loaded["scores"], SCORES)
    pd.testing.assert_frame_equal(loaded["raters"], RATERS)
    assert names(tables) == ["raters.csv", "raters.parquet", "scores.csv", "scores.parquet", "tables.json"]  # fmt: skip
    assert "'=y,0.5" in (tables.path / "scores.csv").read_text(), "a spreadsheet runs nothing"


def test_without_tables_there_are_none_and_nothing_is_written(tmp_path: Path) -> None:
    empty = TablesDataset(path=str(tmp_path / "results"))
    assert empty.exists() and empty.load() == {} and empty.mark() == ""
    empty.save({})
    assert not empty.path.exists()


def test_tables_that_are_not_made_any_more_are_deleted(tables: TablesDataset) -> None:
    tables.save({"raters": RATERS})
    assert names(tables) == ["raters.csv", "raters.parquet", "tables.json"]
    tables.save({})
    assert names(tables) == [] and tables.load() == {}


def test_the_same_tables_are_not_written_again(tables: TablesDataset) -> None:
    def times() -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in tables.path.iterdir()}

    before, mark = times(), tables.mark()
    tables.save({"scores": SCORES.copy(), "raters": RATERS})
    assert times() == before and tables.mark() == mark
    tables.save({"scores": SCORES.assign(points=0.0), "raters": RATERS})
    assert times()["raters.parquet"] == before["raters.parquet"] and tables.mark() != mark


def test_a_set_that_was_not_saved_to_its_end_is_not_there(
    tables: TablesDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("tpige_kedro.datasets.table.to_csv", fails)
    with pytest.raises(KeyboardInterrupt):
        tables.save({"scores": SCORES.assign(points=0.0), "raters": RATERS})
    assert tables.load() == {}


def test_a_table_that_somebody_deleted_takes_the_others_with_it(tables: TablesDataset) -> None:
    (tables.path / "raters.parquet").unlink()
    assert tables.load() == {}
    tables.save({"scores": SCORES, "raters": RATERS})
    assert set(tables.load()) == {"scores", "raters"}


@pytest.mark.parametrize("file", ["scores.parquet", "tables.json"])
def test_damage_is_said_with_the_remedy(tables: TablesDataset, file: str) -> None:
    (tables.path / file).write_bytes(b"PAR1 broken")
    with pytest.raises(DatasetError, match=rf"{file} is .*; delete .*results and run"):
        tables.load()

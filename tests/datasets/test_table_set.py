"""Tables that lie side by side under one entry."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import KeptTables, PrintedTable, TableFiles
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.work import Job, Result, Work

ONE, TWO = pd.DataFrame({"x": [1]}), pd.DataFrame({"y": ["=1+1", "b"]})


def side_by_side(root: Path) -> TableFiles:
    return TableFiles(path=str(root), tables=["one", "two"])


def test_each_has_its_files(tmp_path: Path) -> None:
    both = side_by_side(tmp_path)
    assert not both.exists()
    both.save({"one": PrintedTable(ONE, {".md": "| x |", "_2.tex": "x"}), "two": TWO})
    names = {"one.parquet", "one.csv", "one.md", "one_2.tex", "two.parquet", "two.csv"}
    assert {file.name for file in tmp_path.iterdir()} == names
    assert both.exists()
    found = both.load()
    assert list(found) == ["one", "two"]
    pd.testing.assert_frame_equal(found["one"], ONE)
    pd.testing.assert_frame_equal(found["two"], TWO)
    assert both.preview(1)["data"] == [[1]]


def test_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "other.parquet").write_bytes(b"x")
    side_by_side(tmp_path).save({"one": ONE, "two": TWO})
    assert (tmp_path / "other.parquet").read_bytes() == b"x"


def test_files_that_would_not_change_are_not_written(tmp_path: Path) -> None:
    both = side_by_side(tmp_path)
    both.save({"one": ONE, "two": TWO})
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    mark = both.mark()
    both.save({"one": ONE, "two": TWO})
    assert before == {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert side_by_side(tmp_path).mark() == mark
    both.save({"one": ONE, "two": TWO[:1]})
    assert both.mark() != mark


@pytest.mark.parametrize("tables", [{"one": ONE}, {"one": ONE, "two": TWO, "three": ONE}])
def test_they_are_those_of_the_catalog(tmp_path: Path, tables: dict) -> None:
    with pytest.raises(DatasetError, match="the tables are one, two, not one"):
        side_by_side(tmp_path).save(tables)
    assert not list(tmp_path.iterdir())


def test_one_that_is_absent_or_damaged_is_named(tmp_path: Path) -> None:
    both = side_by_side(tmp_path)
    both.save({"one": ONE, "two": TWO})
    (tmp_path / "two.parquet").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"two\.parquet is damaged"):
        both.load()
    (tmp_path / "two.parquet").unlink()
    assert not both.exists()
    with pytest.raises(DatasetError, match=r"two\.parquet"):
        both.load()


def test_a_table_that_cannot_be_computed_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    """The files of an earlier run stay: they belong together."""
    tables = KeptTables(path=str(tmp_path), tables=["one", "two"], kept=str(tmp_path / "kept"))
    asked: list[str] = []

    def produce(todo: list[Job]):
        for job in todo:
            asked.append(job.key)
            yield job, job.request

    def work(two: object) -> Work:
        jobs = [Job("one", "a", Result(ONE)), Job("two", "a", two)]
        return Work("tables", jobs, produce)

    with pytest.raises(DatasetError, match=r"kept/two: no scores"):
        tables.save(work(TpigeError("no scores")))
    assert not tables.exists()
    tables.save(work(Result(TWO)))
    assert asked == ["one", "two"], "the first one was kept"
    pd.testing.assert_frame_equal(tables.load()["two"], TWO)
    tables.release()
    assert tables.preview(1) == tables._files.preview(1) and tables.mark() == tables._files.mark()

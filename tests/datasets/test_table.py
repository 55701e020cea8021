"""Tables and texts: saved whole, written only if they change, and damaged ones say what to do."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import TableDataset, TextFile, TextFiles
from tpige_kedro.files.atomic import is_temporary

TABLE = pd.DataFrame(
    {
        "sample_id": ["007", "läuft 🏃"],
        "n": [1, 2],
        "score": [0.1, math.nan],
        "score_reason": [None, "no face, or none that is seen"],
    }
)
EMPTY = TABLE.iloc[:0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tables" / "t.parquet"


def state(file: Path) -> tuple[int, int]:
    return file.stat().st_mtime_ns, file.stat().st_ino


@pytest.mark.parametrize("table", [TABLE, EMPTY], ids=["rows", "empty"])
def test_a_table_comes_back_with_its_types(file: Path, table: pd.DataFrame) -> None:
    dataset = TableDataset(filepath=str(file))
    assert not dataset.exists()
    dataset.save(table)
    assert dataset.exists()
    pd.testing.assert_frame_equal(dataset.load(), table, check_dtype=len(table) > 0)
    assert [f.name for f in file.parent.iterdir()] == ["t.parquet"], "no CSV unless asked for"


def test_the_csv_twin_says_the_same(file: Path) -> None:
    TableDataset(filepath=str(file), csv=True).save(TABLE)
    twin = file.with_suffix(".csv")
    assert sorted(f.name for f in file.parent.iterdir()) == ["t.csv", "t.parquet"]
    read = pd.read_csv(twin, dtype={"sample_id": str}, keep_default_na=False, na_values=[""])
    assert read["sample_id"].tolist() == ["007", "läuft 🏃"]
    assert read["score"].isna().tolist() == [False, True]
    assert read["score_reason"].tolist()[1] == "no face, or none that is seen"
    assert not twin.read_bytes().startswith(b",")


def test_a_table_that_is_the_same_is_not_written_again(file: Path) -> None:
    dataset, twin = TableDataset(filepath=str(file), csv=True), file.with_suffix(".csv")
    dataset.save(TABLE)
    os.utime(file, (1, 1))
    os.utime(twin, (1, 1))
    before = state(file), state(twin)
    TableDataset(filepath=str(file), csv=True).save(TABLE.copy())
    assert (state(file), state(twin)) == before
    dataset.save(TABLE.assign(n=[1, 3]))
    assert state(file)[0] > 10**9 and state(twin)[0] > 10**9
    assert dataset.load()["n"].tolist() == [1, 3] and ",3," in twin.read_text()


def test_what_was_changed_behind_its_back_is_written_again(file: Path) -> None:
    dataset, twin = TableDataset(filepath=str(file), csv=True), file.with_suffix(".csv")
    dataset.save(TABLE)
    whole = file.read_bytes(), twin.read_bytes()
    file.write_bytes(whole[0][:-1])
    twin.unlink()
    dataset.save(TABLE)
    assert (file.read_bytes(), twin.read_bytes()) == whole


def test_a_failing_save_leaves_the_old_table_and_no_rest(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = TableDataset(filepath=str(file), csv=True)
    dataset.save(TABLE)

    def broken(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", broken)
        with pytest.raises(DatasetError, match=r"t\.parquet: No space left.*free some space"):
            dataset.save(TABLE.assign(n=[8, 9]))
    pd.testing.assert_frame_equal(dataset.load(), TABLE)
    assert not any(is_temporary(f.name) for f in file.parent.iterdir())
    with pytest.raises(DatasetError):
        dataset.save(pd.DataFrame({"a": [object()]}))
    pd.testing.assert_frame_equal(dataset.load(), TABLE)


# --- damage ----------------------------------------------------------------------------------------------------------------------

DAMAGES = {
    "empty": lambda data: b"",
    "cut": lambda data: data[:-9],
    "half": lambda data: data[: len(data) // 2],
    "a text": lambda data: b"sample_id,n\n007,1\n",
    "the end": lambda data: data[:-20] + b"\0" * 20,
    "zeros": lambda data: b"\0" * len(data),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_says_which_it_is_and_what_to_do(file: Path, damage: str) -> None:
    dataset = TableDataset(filepath=str(file))
    dataset.save(TABLE)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    words = r"t\.parquet is damaged \(.+\); delete it and run the stage that makes it again"
    with pytest.raises(DatasetError, match=words):
        dataset.load()
    dataset.save(TABLE)
    pd.testing.assert_frame_equal(dataset.load(), TABLE)


def flipped(whole: bytes, at: int, bit: int) -> bytes:
    data = bytearray(whole)
    data[at] ^= 1 << bit
    return bytes(data)


def test_a_flipped_bit_gives_this_error_or_a_table_and_no_other_error(file: Path) -> None:
    dataset = TableDataset(filepath=str(file))
    dataset.save(TABLE)
    whole, damaged = file.read_bytes(), 0
    for at in range(0, len(whole), 11):
        file.write_bytes(flipped(whole, at, at * 5 % 8))
        try:
            dataset.load()
        except DatasetError as error:
            assert "is damaged (" in str(error), at
            damaged += 1
    assert damaged > len(whole) / 11 / 4, "the others are in what nobody reads"


def test_a_flipped_bit_in_a_value_is_noticed(file: Path) -> None:
    dataset = TableDataset(filepath=str(file))
    dataset.save(TABLE)
    whole = file.read_bytes()
    for value in (b"007", "läuft".encode(), b"no face", np.float64(0.1).tobytes()):
        at = whole.index(value) + 1  # the first is in the page, later ones in its summary
        file.write_bytes(flipped(whole, at, 0))
        with pytest.raises(DatasetError, match="is damaged"):
            dataset.load()


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_table_that_is_not_there_names_its_file(file: Path, place: str) -> None:
    if place == "folder":
        file.parent.mkdir()
    with pytest.raises((DatasetError, FileNotFoundError), match=r"t\.parquet"):
        TableDataset(filepath=str(file)).load()


# --- columns of a table that an earlier stage may not have made -------------------------------------------------------------------


def test_a_table_or_an_empty_one(file: Path) -> None:
    dataset = TableDataset(filepath=str(file))
    assert not dataset.exists()
    dataset.or_empty(["a", "b"])
    assert dataset.exists() and list(dataset.load().columns) == ["a", "b"] and dataset.load().empty
    assert not file.exists(), "reading makes nothing"
    TableDataset(filepath=str(file)).save(pd.DataFrame({"a": ["1"], "b": ["2"], "c": ["3"]}))
    assert dataset.load().loc[0, "c"] == "3"
    file.write_bytes(b"")
    with pytest.raises(DatasetError, match="is damaged"):
        dataset.load()


def test_the_preview_is_the_first_rows(file: Path) -> None:
    dataset = TableDataset(filepath=str(file))
    dataset.save(TABLE)
    preview: Any = dataset.preview(nrows=1)
    assert preview["columns"] == list(TABLE) and preview["data"][0][:2] == ["007", 1]
    assert dataset.preview.__annotations__["return"] == "TablePreview"


# --- texts -----------------------------------------------------------------------------------------------------------------------


def test_a_text_comes_back_and_is_written_only_if_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "report" / "report.html"
    dataset = TextFile(filepath=str(file))
    assert not dataset.exists()
    dataset.save("<p>läuft 🏃\r\n</p>\n")
    assert dataset.exists() and dataset.load() == TextFile(filepath=str(file)).load()
    assert file.read_bytes() == "<p>läuft 🏃\r\n</p>\n".encode()
    os.utime(file, (1, 1))
    before = state(file)
    dataset.save("<p>läuft 🏃\r\n</p>\n")
    assert state(file) == before
    dataset.save("other")
    assert file.read_text() == "other" and [f.name for f in file.parent.iterdir()] == [file.name]


def test_a_text_that_cannot_be_saved_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.svg"
    dataset = TextFile(filepath=str(file))
    dataset.save("old")

    def broken(*_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(DatasetError, match=r"a\.svg: Read-only.*data_root"):
        dataset.save("new")
    assert file.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_texts_that_belong_together_are_saved_where_they_change(tmp_path: Path) -> None:
    files = TextFiles(path=str(tmp_path), files=["a.html", "b.js"])
    assert not files.exists()
    files.save({"a.html": "<p>ä</p>", "b.js": "1"})
    assert files.load() == {"a.html": "<p>ä</p>", "b.js": "1"} and files.exists()
    before, mark = (tmp_path / "a.html").stat().st_mtime_ns, files.mark()
    files.save({"a.html": "<p>ä</p>", "b.js": "2"})
    assert (tmp_path / "a.html").stat().st_mtime_ns == before and files.mark() != mark
    with pytest.raises(DatasetError, match=r"the files are a\.html, b\.js, not a\.html"):
        files.save({"a.html": ""})

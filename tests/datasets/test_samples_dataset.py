from __future__ import annotations

import os
from pathlib import Path

import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import SamplesDataset


def load(tmp_path: Path, content: bytes, **options: int):
    (tmp_path / "samples.csv").write_bytes(content)
    return SamplesDataset(filepath=str(tmp_path / "samples.csv"), **options).load()


def test_every_cell_is_text(tmp_path: Path) -> None:
    table = load(tmp_path, b"sample_id,person_id,prompt,reference\n007,1,NA,a.png\n008,2,,b.png\n")
    assert table["sample_id"].tolist() == ["007", "008"]
    assert table["prompt"].tolist() == ["NA", ""]


def test_a_spreadsheets_byte_order_mark_and_quotes(tmp_path: Path) -> None:
    content = '\ufeffsample_id,prompt\ns1,"He says ""hi"", und läuft"\n'.encode()
    table = load(tmp_path, content)
    assert table.columns.tolist() == ["sample_id", "prompt"]
    assert table["prompt"].item() == 'He says "hi", und läuft'


def test_the_first_rows(tmp_path: Path) -> None:
    assert len(load(tmp_path, b"sample_id\na\nb\nc\n", nrows=2)) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"sample_id\n\xff\xfe\xfa\n", "is not a readable CSV"),
        (b'sample_id,prompt\na,"never closed\n', "is not a readable CSV"),
    ],
)
def test_what_is_no_table_says_how_to_write_one(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(DatasetError, match=rf"samples\.csv {message}.*header line"):
        load(tmp_path, content)


def test_an_absent_file_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="samples_root"):
        SamplesDataset(filepath=str(tmp_path / "none.csv")).load()


def test_the_preview_is_the_first_rows(tmp_path: Path) -> None:
    load(tmp_path, b"sample_id\na\nb\nc\n")
    preview = SamplesDataset(filepath=str(tmp_path / "samples.csv")).preview(nrows=2)
    assert preview["data"] == [["a"], ["b"]]  # type: ignore[index]


def test_a_row_with_too_many_or_too_few_cells_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    content = (
        b"sample_id,person_id,prompt,reference,consent\n"
        b's0,p,"A man, smiling.",a.png,granted\n'
        b"\n"
        b's1,p,"two\nlines",a.png,granted,,\n'
        b"s2,p,A man, smiling.,a.png,granted\n"
        b",,,,\n"
        b"s3,p,A man.,a.png\n"
    )
    table = load(tmp_path, content)
    assert table["sample_id"].tolist() == ["s0", "s1", "s2", "s3"]
    assert table["problem"].tolist()[:2] == ["", ""] and table["prompt"][1] == "two\nlines"
    assert "line 6 of the table has 6 cells, the header line has 5" in table["problem"][2]
    assert "line 8 of the table has 4 cells" in table["problem"][3]


def test_columns_that_are_not_used_are_one_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tpige_kedro")
    table = load(tmp_path, b"sample_id,mood,prompt,no\x1btes,,problem\ns1,gay,A man.,x,7,none\n")
    assert table.columns.tolist() == ["sample_id", "prompt"]
    assert [record.getMessage() for record in caplog.records] == [
        "samples.csv: columns not used: mood, no\\x1btes, (no name), problem"
    ]


@pytest.mark.parametrize(
    "cell",
    ["007", "1e5", "NA", "nan", "null", "None", "TRUE", "0x10", "1,5", "2024-01-01", "-1", "1_000"],
)
def test_what_looks_like_a_number_or_nothing_stays_text(tmp_path: Path, cell: str) -> None:
    table = load(tmp_path, f'sample_id,prompt\n"{cell}","{cell}"\n'.encode())
    assert table.iloc[0].tolist() == [cell, cell]


def test_a_million_letters_are_a_cell(tmp_path: Path) -> None:
    assert len(load(tmp_path, b"prompt\n" + b"x" * 10**6 + b"\n")["prompt"][0]) == 10**6


@pytest.mark.parametrize("kind", ["a folder", "a pipe"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "samples.csv"
    file.mkdir() if kind == "a folder" else os.mkfifo(file)
    with pytest.raises(DatasetError, match="not a regular file"):
        SamplesDataset(filepath=str(file)).load()

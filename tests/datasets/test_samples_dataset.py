from __future__ import annotations

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
        (b"sample_id\na,b,c\nd,e,f,g,h\n", "is not a readable CSV"),
        (b"sample_id,prompt\ns1,first, second\ns2,first, second\n", "has rows with more cells"),
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

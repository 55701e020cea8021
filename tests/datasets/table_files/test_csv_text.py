"""Encodings x separators x line ends x quotes: read rightly, or refused with what was seen."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import SamplesDataset

NAMES = ["sample_id", "person_id", "prompt", "reference", "consent"]
ROWS = [
    ["007", "ada", "A chef cooks.", "a.png", "granted"],
    [
        "s2",
        "zoë",
        'A chef, smiling; she says "läuft" | 日本\nand waves\tback.',
        "ü 1.png",
        "granted",
    ],
]

ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16 le": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "utf-16 be": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-32": lambda text: text.encode("utf-32"),
}


def written(separator: str, end: str, quotes: str, blank: str = "") -> str:
    def cell(text: str) -> str:
        needed = quotes == "all" or any(mark in text for mark in f'{separator}"\n')
        return '"' + text.replace('"', '""') + '"' if needed else text

    lines = [separator.join(map(cell, row)) for row in [NAMES, *ROWS]]
    return "".join(f"{line}{end}{blank}" for line in lines)


def load(tmp_path: Path, content: bytes) -> list[list[str]]:
    file = tmp_path / "samples.csv"
    file.write_bytes(content)
    table = SamplesDataset(filepath=str(file)).load()
    assert table.columns.tolist() == NAMES
    return table.to_numpy().tolist()


@pytest.mark.parametrize(
    ("encoding", "separator", "end", "quotes"),
    product(ENCODINGS, [",", ";", "\t", "|"], ["\n", "\r\n", "\r"], ["all", "few"]),
)
def test_every_way_of_writing_the_table_reads_the_same(
    tmp_path: Path, encoding: str, separator: str, end: str, quotes: str
) -> None:
    assert load(tmp_path, ENCODINGS[encoding](written(separator, end, quotes))) == ROWS


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("blank", ["\n", "  \n", "{0}{0}{0}{0}\n", "\n\n\n"])
def test_blank_rows_are_no_samples(tmp_path: Path, separator: str, blank: str) -> None:
    text = written(separator, "\n", "few", blank.format(separator))
    assert load(tmp_path, text.encode()) == ROWS


@pytest.mark.parametrize("head", ["sep={}\n", "SEP={}\r\n", '"sep={}"\n'])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_first_line_that_excel_writes(tmp_path: Path, head: str, separator: str) -> None:
    assert (
        load(tmp_path, (head.format(separator) + written(separator, "\n", "few")).encode()) == ROWS
    )


REFUSED = {
    "latin-1": (
        written(",", "\n", "few").replace("日本", "").encode("latin-1"),
        r"not UTF-8 \(byte 0xeb in line 3\).*'.*zoë.*UTF-8",
    ),
    "windows-1252": ("sample_id,prompt\na,“hi”\n".encode("cp1252"), r"byte 0x93 in line 2.*“hi”"),
    "utf-16 without a mark": (
        written(",", "\n", "few").encode("utf-16-le"),
        "NUL bytes, like UTF-16",
    ),
    "half a utf-16 letter": (
        b"\xff\xfe" + "sample_id\n".encode("utf-16-le")[:-1],
        "marked as UTF-16",
    ),
    "lone surrogates": (
        b"\xff\xfe" + "sample_id\n".encode("utf-16-le") + b"\x00\xd8",
        "marked as UTF-16",
    ),
    "a workbook": (b"PK\x03\x04" + b"\0" * 50, "Excel or OpenDocument"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 50, "Excel workbook"),
    "a gzip archive": (b"\x1f\x8b" + b"\0" * 50, "gzip"),
    "an open quote": (b'sample_id,prompt\na,x\nb,"never closed\nc,x\n', "quotes of line 3"),
    "a quote too many": (
        b'sample_id,prompt\na,"A "nice" man."\n',
        "quotes of line 2.*written twice",
    ),
    "a quote with a backslash": (
        rb"""sample_id,prompt
a,"A \\"nice\\" man."
""",
        "quotes of line 2",
    ),
    "a thousand columns": (b"," * 1500 + b"sample_id\n", "1501 cells"),
    "nothing": (b"", "is empty"),
    "a mark alone": (b"\xef\xbb\xbf", "is empty"),
    "blank lines alone": (b"\n  \n,,,\n", "is empty"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_says_what_was_seen_and_what_to_do(tmp_path: Path, kind: str) -> None:
    content, message = REFUSED[kind]
    with pytest.raises(DatasetError, match=rf"samples\.csv.*{message}(.|\n)*header line"):
        load(tmp_path, content)


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tpige_kedro.datasets.table_files.csv_text.MAX_BYTES", 2**20)
    with pytest.raises(DatasetError, match="3 MiB, at most 1"):
        load(tmp_path, b"sample_id\n" + b"x" * 3 * 2**20)


def test_a_nul_byte_in_a_cell_is_left_to_the_check_of_samples(tmp_path: Path) -> None:
    text = written(",", "\n", "few").replace("A chef cooks.", "A chef\0cooks.")
    assert load(tmp_path, text.encode())[0][2] == "A chef\0cooks."


def test_a_file_of_too_many_rows_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tpige_kedro.datasets.table_files.csv_text.MAX_ROWS", 3)
    with pytest.raises(DatasetError, match="more than 3 rows"):
        load(tmp_path, b"sample_id\na\nb\n\nc\n")

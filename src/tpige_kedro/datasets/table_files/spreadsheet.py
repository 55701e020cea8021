"""CSV that a spreadsheet can open without running what is in it, and that we read back as it was.

Spreadsheets take a cell that begins with ``= + - @`` (or their full-width forms, or a tab or line end) for a formula, whatever
program wrote it. Such text gets an apostrophe in front, as OWASP advises ("CSV Injection"); numbers do not, also negative ones.
Where a locale separates cells by ``;``, the text behind it begins a cell of its own, and so does that of a further line.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Literal

import pandas as pd

SIGNS = "=+-@＝＋－＠"
# what may stand in front of a formula without stopping it: spaces, quotes, separators, what nobody sees
SKIPPED = r"\s\x00-\x20\ufeff\u200b-\u200f\u2060\u00ad\"'`,;|"
# all of it that stands together, with the sign of a formula behind it if there is one
RUN = re.compile(rf"\A[{re.escape(SIGNS)}]|[{SKIPPED}]++[{re.escape(SIGNS)}]?")
ENDS_CELL = re.compile(r"([;\t\r\n])")  # here another program may begin a new cell
GUARDED_CELL = re.compile(r"([;\t\r\n])'")
LINE_FIRST = re.compile(r"'*[\t\r\n]")
ROWS = 500


def defused(text: str) -> str:
    """``text`` with an apostrophe in front of whatever a spreadsheet would run.

    >>> defused("=1+1"), defused("A man, 7."), defused("a;@b")
    ("'=1+1", 'A man, 7.', "a;'@b")
    """
    return RUN.sub(_guard, text)


def _guard(match: re.Match[str]) -> str:
    run, first = match.group(), match.start() == 0
    if run[-1] in SIGNS:
        return ("'" if first else "") + ENDS_CELL.sub(r"\1'", run)
    return f"'{run}" if first and LINE_FIRST.match(run) else run


def restored(text: str) -> str:
    """What :func:`defused` was given.

    >>> restored(defused("'=1+1")), restored("'quoted'")
    ("'=1+1", "'quoted'")
    """
    return RUN.sub(_free, text)


def _free(match: re.Match[str]) -> str:
    run, first = match.group(), match.start() == 0 and match.group()[0] == "'"
    if run[-1] in SIGNS:
        return GUARDED_CELL.sub(r"\1", run[first:])
    return run[1:] if first and LINE_FIRST.match(run[1:]) else run


def to_csv(table: pd.DataFrame) -> bytes:
    """A table as CSV with commas in UTF-8; texts and names of columns are defused, numbers stay as they are."""
    texts = table.select_dtypes(exclude="number")
    safe = table.copy(deep=False)
    safe[texts.columns] = texts.map(_defused_cell)
    safe = safe.rename(columns=_defused_cell)
    found = _encoded(safe, csv.QUOTE_MINIMAL)
    if b"\r" in found:  # it would stand without quotes, and readers take it for the end of the row
        found = _encoded(safe, csv.QUOTE_NONNUMERIC)
    return found


def _encoded(table: pd.DataFrame, quoting: Literal[0, 2]) -> bytes:
    """As bytes from the start: pandas' text takes four bytes a letter while it grows."""
    found = io.BytesIO()
    # pandas makes texts of so many rows at once: at its own choice, some megabytes of them
    table.to_csv(found, index=False, quoting=quoting, encoding="utf-8", chunksize=ROWS)
    return found.getvalue()


def _defused_cell(value: object) -> object:
    return defused(value) if isinstance(value, str) else value


def read_csv(file: str | Path) -> pd.DataFrame:
    """A CSV file that this project wrote, every cell as the text that it was; for types and missing values read the Parquet twin.

    Not for files of other programs: an apostrophe in front of a formula is taken for one of ours.
    """
    with Path(file).open(encoding="utf-8", newline="") as lines:
        rows = [[restored(cell) for cell in row] for row in csv.reader(lines)]
    return pd.DataFrame(rows[1:], columns=rows[0] if rows else None, dtype=str)

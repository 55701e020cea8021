"""CSV files as people and spreadsheets write them: any marked encoding, separator and line ending, or an error that names what was found."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tpige_kedro.characters import folded
from tpige_kedro.datasets.table_files.encoding import NotText, decoded
from tpige_kedro.files.errors import DatasetError

MAX_BYTES = 32 * 2**20  # a hundred times what the challenge needs
MAX_ROWS = 500_000
MAX_COLUMNS = 1000
MAX_HEAD = 20_000  # characters of the header line that are looked at for a separator
SEPARATORS = ",;\t|"
EXCEL_HEAD = re.compile(r'"?sep=([,;\t|])"?[ ,;\t|]*(\r\n|\r|\n|$)', re.IGNORECASE)


class NotCsv(DatasetError):
    """A file that cannot be read as CSV: what was seen, and where."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """The cells of a row, and the line of the file where it begins."""

    line: int
    cells: list[str]


def read_csv_rows(file: Path, names: Sequence[str]) -> list[CsvRow]:
    """The rows of a CSV file, the header line first, as text; without rows in which all cells are empty.

    The encoding is UTF-8 or what a byte order mark says. The separator is the one that finds the most of ``names`` in the
    header line, or what a first line ``sep=;`` says.

    Raises:
        NotCsv: another encoding, another kind of file, unbalanced quotes, or too large.
        OSError: it cannot be read.
    """
    if not file.is_file() and file.exists():
        raise NotCsv("it is not a regular file")
    if file.stat().st_size > MAX_BYTES:
        raise NotCsv(f"it has {file.stat().st_size // 2**20} MiB, at most {MAX_BYTES // 2**20}")
    try:
        text = decoded(file.read_bytes())
    except NotText as error:
        raise NotCsv(str(error)) from error
    head = EXCEL_HEAD.match(text)
    start = head.end() if head else 0
    separator = head.group(1) if head else separator_of(text, names)
    skipped = 1 if head else 0
    return [r for r in _rows(text[start:], separator, skipped) if any(map(str.strip, r.cells))]


def separator_of(text: str, names: Sequence[str]) -> str:
    """What separates the cells of the header line; a comma where no name is found.

    >>> separator_of("sample_id;prompt\\n", ["sample_id", "prompt"])
    ';'
    """
    known = {folded(name) for name in names}
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")

    def found(separator: str) -> int:
        return sum(folded(cell) in known for cell in first[:MAX_HEAD].split(separator, MAX_COLUMNS))

    return max(SEPARATORS, key=found)  # the first of equals: the comma


def _rows(text: str, separator: str, skipped: int) -> Iterator[CsvRow]:
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    limit, line = csv.field_size_limit(MAX_BYTES), 0
    try:
        for number, cells in enumerate(reader):
            if number > MAX_ROWS:
                raise NotCsv(f"it has more than {MAX_ROWS:,} rows")
            if len(cells) > MAX_COLUMNS:
                raise NotCsv(
                    f"line {line + 1 + skipped} has {len(cells)} cells, at most {MAX_COLUMNS}"
                )
            yield CsvRow(line + 1 + skipped, cells)
            line = reader.line_num
    except csv.Error as error:
        raise NotCsv(
            f"the quotes of line {line + 1 + skipped} do not match ({error}); a quote inside a quoted cell is written twice"
        ) from error
    finally:
        csv.field_size_limit(limit)

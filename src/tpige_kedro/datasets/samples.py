"""The list of samples, read as text, with errors that say how to write one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pandas as pd
from kedro.io import AbstractDataset

from tpige_kedro.datasets.table_files.columns import listed, sort_columns
from tpige_kedro.datasets.table_files.csv_text import CsvRow, NotCsv, read_csv_rows
from tpige_kedro.files.errors import DatasetError

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview

logger = logging.getLogger(__name__)

NEEDED = ("sample_id", "person_id", "prompt", "reference")
COLUMNS = (*NEEDED, "consent")
HOW = "write a header line sample_id,person_id,prompt,reference,consent and one line per sample, as UTF-8 (Excel: CSV UTF-8)"


class SamplesDataset(AbstractDataset[None, pd.DataFrame]):
    """``samples.csv``, read-only: every cell is text (ids keep their zeros), an empty cell is the empty text.

    ``nrows`` uses only the first rows, for a small run of a large set.
    """

    def __init__(
        self, *, filepath: str, nrows: int | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._filepath = Path(filepath)
        self._nrows = nrows
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table. Raises ``DatasetError`` naming the file when it is absent, empty, or no CSV.

        Columns that are not used are left out and listed in the log. A row with more or fewer cells than the header line has a
        ``problem``.
        """
        table = read_samples(self._filepath)
        return table if self._nrows is None else table.head(self._nrows)

    def save(self, data: None) -> NoReturn:
        """Refused: the list of samples is the user's own file."""
        raise DatasetError("samples.csv is only read")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        return cast("TablePreview", self.load().head(nrows).to_dict(orient="split"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "nrows": self._nrows}

    def _exists(self) -> bool:
        return self._filepath.exists()


def read_samples(file: Path, needed: Sequence[str] = ()) -> pd.DataFrame:
    """The list of samples in ``file``, which has to have the columns ``needed``. Raises ``DatasetError``."""
    if not file.exists():
        raise DatasetError(
            f"{file}: no such file; set samples_root to a folder with samples.csv and references/ "
            "(kedro run --params=samples_root=/path)"
        )
    table, unused = read_table(file, COLUMNS)
    if missing := [name for name in needed if name not in table]:
        found = [name for name in COLUMNS if name in table] + unused
        raise DatasetError(
            f"{file} has no column {', '.join(missing)} (it has {listed(found)}); its header line must be {','.join(COLUMNS)}, separated by "
            "commas, semicolons, tabs or bars"
        )
    if unused:
        logger.info("%s: columns not used: %s", file.name, listed(unused))
    return table


def read_table(file: Path, names: Sequence[str], how: str = HOW) -> tuple[pd.DataFrame, list[str]]:
    """Those of the columns ``names`` that a CSV file has, and the names of its other columns.

    The lines of the file where rows begin are the table's ``attrs["lines"]``; ``how`` says how to write such a file.

    Raises:
        DatasetError: it cannot be read, is empty, or has columns that look like those of ``names``.
    """
    try:
        rows = read_csv_rows(file, names)
    except NotCsv as error:
        raise DatasetError(f"{file} is not a readable CSV file: {error}; {how}") from error
    except OSError as error:
        raise DatasetError(f"{file} cannot be read: {error.strerror}; make it readable") from error
    if not rows:
        raise DatasetError(f"{file} is empty; {how}")
    header = rows[0].cells
    try:
        unused = sort_columns(header, names)
    except DatasetError as error:
        raise DatasetError(f"{file}: {error}") from error
    problems = [cells_problem(row, header) for row in rows[1:]]
    places = {name: header.index(name) for name in header if name in names}
    cells = {
        n: [row.cells[i] if i < len(row.cells) else "" for row in rows[1:]]
        for n, i in places.items()
    }
    table = pd.DataFrame(cells, dtype=str)
    table.attrs["lines"] = [row.line for row in rows[1:]]
    return (table.assign(problem=problems) if any(problems) else table), unused


def cells_problem(row: CsvRow, header: list[str]) -> str:
    """What is wrong with the number of cells of a row; surplus cells may be empty, as some programs write them."""
    wanted, surplus = len(header), [cell for cell in row.cells[len(header) :] if cell.strip()]
    if len(row.cells) < wanted or surplus:
        return (
            f"line {row.line} of the table has {len(row.cells)} cells, the header line has {wanted}; put prompts that hold "
            "separators into quotes, and leave a cell empty if it has no value"
        )
    return ""

"""Tables that are saved whole: as Parquet, which keeps types, and as CSV, which opens anywhere."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
from kedro.io import AbstractDataset

from tpige_kedro.datasets.table_files.spreadsheet import to_csv
from tpige_kedro.files.atomic import save_bytes
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.files.known import sha256_of

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview


# what pyarrow and pandas raise when they read a file in which bits were flipped
DAMAGE = (OSError, ValueError, KeyError, TypeError, NotImplementedError)


def as_parquet(table: pd.DataFrame) -> bytes:
    """A table as the bytes of a Parquet file: of equal tables, equal."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, write_page_checksum=True)
    return buffer.getvalue()


class TableDataset(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """A table at ``filepath`` (``.parquet``), with ``csv: true`` also as ``.csv`` beside it; files that would not change are not written.

    The CSV can be opened in a spreadsheet: text that a spreadsheet would execute is defused, see :mod:`.spreadsheet`.
    """

    def __init__(
        self,
        *,
        filepath: str,
        csv: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._filepath = Path(filepath)
        self._csv = csv
        self._columns: list[str] | None = None
        self._variants: Collection[str] | None = None
        self.metadata = metadata

    def choose(self, variants: Collection[str]) -> None:
        """From now on only the rows of these variants (column ``variant``) are loaded; the file stays as it is."""
        self._variants = variants

    def or_empty(self, columns: list[str]) -> None:
        """From now on a table that no stage wrote is loaded as an empty one with these columns; else it is an error."""
        self._columns = columns

    def load(self) -> pd.DataFrame:
        """The Parquet table. Raises ``DatasetError`` naming the file if it is absent or damaged."""
        if self._columns is not None and not self._filepath.exists():
            return pd.DataFrame(columns=self._columns, dtype=str)
        try:
            table = pd.read_parquet(self._filepath, page_checksum_verification=True)
        except FileNotFoundError:
            raise
        except DAMAGE as error:
            cause = next(iter(str(error).splitlines()), type(error).__name__)
            raise DatasetError(
                f"{self._filepath} is damaged ({cause}); delete it and run the stage that makes it again"
            ) from error
        if self._variants is None or "variant" not in table:
            return table
        return table[table["variant"].isin(list(self._variants))].reset_index(drop=True)

    def save(self, data: pd.DataFrame) -> None:
        """Write both files atomically."""
        save_bytes(self._filepath, as_parquet(data))
        if self._csv:
            save_bytes(self._filepath.with_suffix(".csv"), to_csv(data))

    def mark(self) -> str:
        """The sha256 of the Parquet file: of equal tables, equal."""
        return sha256_of(self._filepath)

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        return cast("TablePreview", self.load().head(nrows).to_dict(orient="split"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._columns is not None or self._filepath.is_file()

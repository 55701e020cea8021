"""A table that an earlier stage may have left."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset, DatasetError


class TableIfThere(AbstractDataset[None, pd.DataFrame]):
    """A Parquet table, read-only; without the file an empty table with ``columns``."""

    def __init__(
        self, *, filepath: str, columns: list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._filepath = Path(filepath)
        self._columns = columns
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table, or make an empty one."""
        if self._filepath.exists():
            return pd.read_parquet(self._filepath)
        return pd.DataFrame(columns=self._columns, dtype=str)

    def save(self, data: None) -> NoReturn:
        """Refused: the stage that makes the table has an entry of its own."""
        raise DatasetError(f"{self._filepath} is only read here")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "columns": self._columns}

    def _exists(self) -> bool:
        return True  # in one way or the other

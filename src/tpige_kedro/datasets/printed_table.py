"""A table together with its printed forms: LaTeX to ``\\input``, Markdown to paste."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from tpige_kedro.datasets.table import TableDataset
from tpige_kedro.files.atomic import save_bytes


@dataclass(frozen=True)
class PrintedTable:
    """A table, and texts by what their file names have after that of the table: ``.md``, ``_2.tex``."""

    table: pd.DataFrame
    texts: Mapping[str, str] = field(default_factory=dict)


class PrintedTableDataset(TableDataset):
    """A :class:`TableDataset` that also saves the texts of a :class:`PrintedTable` beside its file; only the table is loaded.

    ``variant_table.parquet`` has ``variant_table.tex`` and ``variant_table.md`` beside it. A text that would not change is not written.
    """

    def save(self, data: PrintedTable) -> None:  # type: ignore[override]  # saves more than it loads
        """Write the table and the texts, each atomically."""
        super().save(data.table)
        for ending, text in data.texts.items():
            save_bytes(self._filepath.with_name(f"{self._filepath.stem}{ending}"), text.encode())

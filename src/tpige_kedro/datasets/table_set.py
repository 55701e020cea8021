"""Tables that lie side by side under one entry of the catalog; and such tables that are computed only when something changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from kedro.io import AbstractDataset

from tpige_kedro.datasets.item_folder import ItemFolder, Verify
from tpige_kedro.datasets.printed_table import PrintedTable, PrintedTableDataset
from tpige_kedro.datasets.table import TableDataset
from tpige_kedro.execution.work import Work
from tpige_kedro.files.errors import DatasetError

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview

Saved = Mapping[str, pd.DataFrame | PrintedTable]


class TableFiles(AbstractDataset[Saved, dict[str, pd.DataFrame]]):
    """Tables that belong together: each of ``tables`` as ``<name>.parquet`` and ``<name>.csv`` in the folder ``path``.

    A :class:`.PrintedTable` has its texts beside its files. Only tables are loaded.

    Example of a catalog entry::

        printed_tables:
          type: tpige_kedro.datasets.TableFiles
          path: ${_root}/08_reporting
          tables: [variant_table, paper_tables]

    >>> import tempfile
    >>> both = TableFiles(path=tempfile.mkdtemp(), tables=["a", "b"])
    >>> both.save({"a": pd.DataFrame({"x": [1]}), "b": pd.DataFrame({"x": [2, 3]})})
    >>> {name: len(table) for name, table in both.load().items()}
    {'a': 1, 'b': 2}
    """

    def __init__(
        self, *, path: str, tables: Sequence[str], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._path = Path(path)
        self._tables = tuple(tables)
        self.metadata = metadata

    def load(self) -> dict[str, pd.DataFrame]:
        """All tables by name. Raises ``DatasetError`` naming a file that is absent or damaged."""
        return {name: self._table(name).load() for name in self._tables}

    def save(self, data: Saved) -> None:
        """Write the files, each atomically. Raises ``DatasetError`` if the tables are not those of the catalog."""
        if set(data) != set(self._tables):
            raise DatasetError(f"the tables are {', '.join(self._tables)}, not {', '.join(data)}")
        for name, table in data.items():
            if isinstance(table, PrintedTable):
                PrintedTableDataset(filepath=self._file(name), csv=True).save(table)
            else:
                self._table(name).save(table)

    def mark(self) -> str:
        """The sha256 of the contents: of equal tables, equal."""
        marks = [self._table(name).mark() for name in self._tables]
        return hashlib.sha256(" ".join(marks).encode()).hexdigest()

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows of the first table, for Kedro-Viz."""
        return self._table(self._tables[0]).preview(nrows)

    def _file(self, name: str) -> str:
        return str(self._path / f"{name}.parquet")

    def _table(self, name: str) -> TableDataset:
        return TableDataset(filepath=self._file(name), csv=True)

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path), "tables": list(self._tables)}

    def _exists(self) -> bool:
        return all(Path(self._file(name)).is_file() for name in self._tables)


class KeptTables(AbstractDataset[Work, dict[str, pd.DataFrame]]):
    """:class:`TableFiles` that are saved from a :class:`.Work` with a job per table; only what changed is computed again.

    What was computed is kept as the items of the folder ``kept``.

    Example of a catalog entry::

        statistics:
          type: tpige_kedro.datasets.KeptTables
          path: ${_root}/08_reporting
          tables: [variant_summary, variant_differences]
          kept: ${_root}/08_reporting/statistics
    """

    def __init__(
        self,
        *,
        path: str,
        tables: Sequence[str],
        kept: str,
        verify: Verify = "stat",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._files = TableFiles(path=path, tables=tables)
        self._path = Path(path)
        table = "tpige_kedro.datasets.TableDataset"
        self.kept = ItemFolder(path=kept, suffix=".parquet", dataset=table, verify=verify)
        self.metadata = metadata

    def load(self) -> dict[str, pd.DataFrame]:
        """All tables by name. Raises ``DatasetError`` naming a file that is absent or damaged."""
        return self._files.load()

    def save(self, data: Work) -> None:
        """Compute what changed, and write the files. Raises ``DatasetError`` naming a table that could not be kept."""
        self.kept.save(data)
        items = self.kept.load()
        for job in data.jobs:
            if job.key not in items:
                problem = items.failures[job.key].message
                raise DatasetError(f"{self.kept.path.name}/{job.key}: {problem}")
        self._files.save({job.key: items[job.key].load() for job in data.jobs})

    def mark(self) -> str:
        """The sha256 of the contents: of equal tables, equal."""
        return self._files.mark()

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows of the first table, for Kedro-Viz."""
        return self._files.preview(nrows)

    def _release(self) -> None:
        self.kept.release()

    def _describe(self) -> dict[str, Any]:
        return {**self._files._describe(), "kept": str(self.kept.path)}

    def _exists(self) -> bool:
        return self._files._exists()

"""Several tables under one entry of the catalog, each as Parquet and as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
from kedro.io import AbstractDataset

from tpige_kedro.datasets.table import TableDataset, as_parquet
from tpige_kedro.files.atomic import remove, save_bytes
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.files.known import sha256_of

INDEX = "tables.json"  # which tables there are, with the sha256 of each
Tables = Mapping[str, pd.DataFrame]


class TablesDataset(AbstractDataset[Tables, dict[str, pd.DataFrame]]):
    """Tables by name in the folder ``path``: ``<name>.parquet`` and ``<name>.csv``, each saved as :class:`.TableDataset` does.

    The tables belong together: they count as saved when their index is, which is written last. Where they were never saved, or not
    to their end, or one was deleted, there are none.

    Example of a catalog entry::

        study_results:
          type: tpige_kedro.datasets.TablesDataset
          path: ${_root}/08_reporting/study/results

    >>> import tempfile
    >>> tables = TablesDataset(path=tempfile.mkdtemp())
    >>> tables.load()
    {}
    >>> tables.save({"scores": pd.DataFrame({"points": [1.5]})})
    >>> tables.load()["scores"].points.tolist()
    [1.5]
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, pd.DataFrame]:
        """All tables. Raises ``DatasetError`` naming a file that is not what was saved."""
        found, index = {}, self._index()
        if not all(self._file(name).is_file() for name in index):
            return {}
        for name, mark in index.items():
            file = self._file(name)
            if sha256_of(file) != mark:
                raise DatasetError(
                    f"{file} is not what was saved; delete {self.path} and run the stage that makes it again"
                )
            found[name] = self._table(name).load()
        return found

    def save(self, data: Tables) -> None:
        """Write the tables; those of an earlier set that are not among them are deleted. Files that would not change are not written."""
        index = {name: sha256(as_parquet(table)).hexdigest() for name, table in data.items()}
        if index != self._index():
            remove(self.path / INDEX)
        for file in self.path.glob("*.parquet"):
            if file.stem not in data:
                remove(file)
                remove(file.with_suffix(".csv"))
        for name, table in data.items():
            self._table(name).save(table)
        if data:
            save_bytes(self.path / INDEX, orjson.dumps(index, option=orjson.OPT_INDENT_2))

    def mark(self) -> str:
        """The sha256 of the index: of equal tables, equal; the empty text where there are none."""
        index = self.path / INDEX
        return sha256_of(index) if index.is_file() else ""

    def _index(self) -> dict[str, str]:
        try:
            found: dict[str, str] = orjson.loads((self.path / INDEX).read_bytes())
        except FileNotFoundError:
            return {}
        except orjson.JSONDecodeError as error:
            raise DatasetError(
                f"{self.path / INDEX} is damaged; delete {self.path} and run the stage that makes it again"
            ) from error
        return found

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.parquet"

    def _table(self, name: str) -> TableDataset:
        return TableDataset(filepath=str(self._file(name)), csv=True)

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.path)}

    def _exists(self) -> bool:
        return True  # a set without tables can be loaded

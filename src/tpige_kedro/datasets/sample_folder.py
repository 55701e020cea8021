"""A folder of samples in any of the layouts of :mod:`.layouts`: its list, and its reference pictures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pandas as pd
from kedro.io import AbstractDataset

from tpige_kedro.datasets.layouts import (
    PORTRAITS,
    challenge_references,
    gaps_of,
    layout_of,
    list_samples,
    unread_of,
)
from tpige_kedro.datasets.people import refuse_both
from tpige_kedro.datasets.pictures import PictureFolder, Pictures, known_files, picture_files
from tpige_kedro.datasets.previews import STRIP_FRAMES, strip_of
from tpige_kedro.datasets.samples import NEEDED, SamplesDataset, read_samples, read_table
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.models import local_path

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview, TablePreview

logger = logging.getLogger(__name__)


class SampleFolder(AbstractDataset[None, pd.DataFrame]):
    """The samples of a folder, read-only.

    ``only`` names a CSV file with a column ``sample_id``: those samples are used, in its order, and missing ones are
    reported. Without it, gaps in the folder numbers are one line of the log: most sets are part of a larger one. ``nrows``
    uses only the first rows, for a small run of a large set.
    """

    def __init__(
        self,
        *,
        path: str,
        only: str | None = None,
        nrows: int | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._path = Path(path)
        self._filepath = (
            self._path / "samples.csv"
        )  # what is looked for where no layout can be told
        self._only = only or None
        self._nrows = nrows
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the list. Raises ``DatasetError`` naming the file that is absent or unreadable."""
        table = self.listed()
        if self._nrows is not None and len(table) < (count := len(self._rows())):
            logger.warning(
                "only the first %d of %d samples of %s are taken, as this environment's catalog says (samples: nrows: %d)",
                len(table), count, self._path, self._nrows,
            )  # fmt: skip
        if self._only is None and layout_of(self._path) == "challenge":
            for line in filter(None, (gaps_of(self._path), unread_of(self._path))):
                logger.info("%s: %s", self._path, line)
        return table

    def listed(self) -> pd.DataFrame:
        """The list, without a word about what is not on it."""
        table = self._rows()
        return table if self._nrows is None else table.head(self._nrows)

    def _rows(self) -> pd.DataFrame:
        layout = layout_of(self._path)
        if layout == "table":
            refuse_both(self._path)
            table = read_samples(self._filepath, NEEDED)
        else:
            table = list_samples(self._path, layout)
        return table if self._only is None else pick(table, self._only, self._path)

    def save(self, data: None) -> NoReturn:
        """Refused: the samples are the user's own files."""
        raise DatasetError("the list of samples is only read")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        return cast("TablePreview", self.load().head(nrows).to_dict(orient="split"))

    def _table(self) -> SamplesDataset:
        return SamplesDataset(filepath=str(self._filepath))

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path), "only": self._only, "nrows": self._nrows}

    def _exists(self) -> bool:
        return layout_of(self._path) != "table" or self._table().exists()


class ReferenceFolder(AbstractDataset[None, Pictures]):
    """The reference pictures of a folder of samples by name, read-only; each may fail when it is loaded.

    ``known`` is a file that caches facts about them.
    """

    def __init__(
        self, *, path: str, known: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._known = known
        self._path = Path(path)
        self._filepath = self._path / "references"  # what is looked for where no layout can be told
        self.metadata = metadata

    def load(self) -> Pictures:
        """The pictures. Raises ``DatasetError`` if the folder is absent."""
        layout = layout_of(self._path)
        if layout in {"table", "people"}:
            return self._pictures().load()
        known = known_files(self._known)
        if layout == "challenge":
            return Pictures(challenge_references(self._path), known)
        folder = self._path / PORTRAITS
        files, others = picture_files(folder) if folder.is_dir() else ({}, {})
        return Pictures(files, known, others)

    def save(self, data: None) -> NoReturn:
        """Refused: references are the user's own files."""
        raise DatasetError("reference pictures are only read")

    def preview(self) -> ImagePreview:  # Kedro-Viz reads this very name: not "| None"
        """The first four pictures side by side, for Kedro-Viz."""
        loads = list(self.load().values())[:STRIP_FRAMES]
        return strip_of([load() for load in loads]) if loads else None  # type: ignore[return-value]  # see the first line

    def _pictures(self) -> PictureFolder:
        return PictureFolder(path=str(self._filepath), known=self._known)

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}

    def _exists(self) -> bool:
        return layout_of(self._path) not in {"table", "people"} or self._pictures().exists()


def pick(table: pd.DataFrame, only: str, root: Path) -> pd.DataFrame:
    """The rows that the CSV file ``only`` lists, in its order; a listed sample that is missing has a ``problem``."""
    file = local_path(only)
    if not file.exists():
        raise DatasetError(f"sample_list: {file}: no such file; correct the parameter sample_list")
    listed, _ = read_table(file, ["sample_id"])
    if "sample_id" not in listed:
        raise DatasetError(
            f"{only} has no column sample_id; list one sample per line under that header"
        )
    names = listed["sample_id"].str.strip()
    known = {row["sample_id"]: row for row in table.to_dict("records")}
    problem = f"listed in {only}, but not in {root}; add it, or remove it from the list"
    absent = dict.fromkeys(table.columns, "") | {"problem": problem}
    rows = [known.get(s, {**absent, "sample_id": s}) for s in names]
    columns = dict.fromkeys([*table.columns, "problem"])
    return pd.DataFrame(rows, columns=list(columns)).fillna("")

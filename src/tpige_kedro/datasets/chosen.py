"""The chosen clips: one folder that holds them and nothing else, and a table of what they are."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from kedro.io import AbstractDataset

from tpige_kedro.datasets.item_folder import ItemFolder, Verify
from tpige_kedro.datasets.records import SUFFIX
from tpige_kedro.datasets.table_files.spreadsheet import to_csv
from tpige_kedro.execution.work import Work
from tpige_kedro.files.atomic import remove, save_bytes

TABLE = "chosen.csv"
OF_FILES = ("clip", "sha256")  # the columns that a table gets when its clips are there


class Taken(NamedTuple):
    """A finished file to take in. ``may_link``: under a second name, else as a copy."""

    file: Path
    may_link: bool


@dataclass(frozen=True)
class Choice:
    """Which clips are chosen: the work that takes them in by sample, and a row for every sample, chosen or not (``sample_id``, …)."""

    work: Work
    table: pd.DataFrame


class TakenFile(AbstractDataset[Taken, Path]):
    """A file that lies elsewhere, byte for byte: a hard link where the file system allows one, which takes no space, otherwise a copy."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Where it is."""
        return self._filepath

    def save(self, data: Taken) -> None:
        """Link or copy. Raises ``OSError`` if the file is missing or the disk is full."""
        source = data.file.resolve(strict=True)
        if data.may_link:
            try:
                os.link(source, self._filepath)
            except OSError:  # another disk, or one without links
                pass
            else:
                return
        shutil.copyfile(source, self._filepath)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath.is_file()


class ChosenClips(ItemFolder):
    """Items ``<sample_id>.mp4``, the chosen clips of the latest run; ``chosen.csv`` says what they are.

    Unlike in other item folders, what the latest run did not ask for is deleted: whoever passes the folder on passes on what was
    chosen. Files without a record of ours are left alone.
    """

    def __init__(
        self, *, path: str, verify: Verify = "stat", metadata: dict[str, Any] | None = None
    ) -> None:
        kind = f"{__name__}.{TakenFile.__name__}"
        super().__init__(path=path, suffix=".mp4", dataset=kind, verify=verify, metadata=metadata)

    def save(self, data: Choice) -> None:  # type: ignore[override]  # saves a choice of items
        """Take the clips in, delete the others, and write the table, if anything of it changed."""
        super().save(data.work)
        for record in self.leftovers():
            key = record.relative_to(self.path).as_posix().removesuffix(SUFFIX)
            clip = self.path_of(key)
            if clip.is_file():  # else it is no record of ours, or of a clip that never came
                remove(clip)
                remove(record)
        save_bytes(self.path / TABLE, to_csv(self._with_files(data.table)))

    def _with_files(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with the file of each clip, beside the CSV, and its sha256."""
        items = self.load()
        keys = table["sample_id"]
        files = [items[key].path.name if key in items else "" for key in keys]
        marks = [items[key].mark if key in items else "" for key in keys]
        return table.assign(**dict(zip(OF_FILES, (files, marks), strict=True)))

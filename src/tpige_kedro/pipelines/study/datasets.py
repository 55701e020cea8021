"""What a study leaves on the disk: its pair list, and the files of which alone something may reach a browser."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from kedro.io import AbstractDataset

from tpige_kedro.datasets import ItemFolder, TableDataset
from tpige_kedro.datasets.item_folder import Verify
from tpige_kedro.datasets.items import Items
from tpige_kedro.datasets.records import SUFFIX
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.work import Work
from tpige_kedro.files.atomic import remove, save_bytes
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.study.keeping import Drawing, kept
from tpige_kedro.study.votes_file import count_votes

logger = logging.getLogger(__name__)

CLIPS, PICTURES, ABOUT = "clips", "references", "study.json"
AS_IT_IS = "tpige_kedro.datasets.chosen.TakenFile"  # outputs come as finished bytes


class StudyPairs(TableDataset):
    """The pair list (``.parquet``). ``save`` takes a :class:`~.keeping.Drawing`, and keeps the list that votes were cast on."""

    def save(self, data: Drawing) -> None:  # type: ignore[override]  # saves more than it loads
        """Write the list. Raises ``DatasetError`` if it would change while there are votes."""
        earlier = self.load() if self._filepath.is_file() else None
        try:
            table = kept(earlier, data, count_votes(self._filepath.parent))
        except TpigeError as error:
            raise DatasetError(str(error)) from error
        super().save(table)


@dataclass(frozen=True)
class Blinding:
    """The work that makes a study's clips and reference pictures, and what the page needs besides."""

    clips: Work
    pictures: Work
    about: dict[str, Any]


@dataclass(frozen=True)
class Material:
    """A study's files: clips and pictures by their names, and ``about``: the study's id, its prompts, questions and words."""

    clips: Items
    pictures: Items
    about: dict[str, Any]

    @property
    def study(self) -> str:
        """The id of the study."""
        return str(self.about["study"])


class StudyMaterial(AbstractDataset[Blinding, Material]):
    """Two item folders, ``clips`` and ``references``, and ``study.json``; what is not of the study any more is deleted."""

    def __init__(
        self, *, path: str, verify: Verify = "stat", metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.path = Path(path)
        self._clips = ItemFolder(
            path=f"{path}/{CLIPS}", suffix=".mp4", dataset=AS_IT_IS, verify=verify
        )
        self._pictures = ItemFolder(
            path=f"{path}/{PICTURES}", suffix=".jpg", dataset=AS_IT_IS, verify=verify
        )
        self.metadata = metadata

    def save(self, data: Blinding) -> None:
        """Make what is missing, delete what is left over."""
        for folder, work in ((self._clips, data.clips), (self._pictures, data.pictures)):
            folder.save(work)
            for record in list(folder.leftovers()):
                key = record.relative_to(folder.path).as_posix().removesuffix(SUFFIX)
                remove(folder.path_of(key))
                remove(record)
        save_bytes(self.path / ABOUT, orjson.dumps(data.about, option=orjson.OPT_INDENT_2))

    def load(self) -> Material:
        """The files that are there."""
        about = orjson.loads((self.path / ABOUT).read_bytes())
        return Material(self._clips.load(), self._pictures.load(), about)

    def _release(self) -> None:
        self._clips.release()
        self._pictures.release()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.path)}

    def _exists(self) -> bool:
        return (self.path / ABOUT).is_file()

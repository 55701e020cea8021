"""A study as its files say it: what the server and the static page show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pandas as pd

from tpige_kedro.datasets.records import SUFFIX, read_record
from tpige_kedro.errors import TpigeError
from tpige_kedro.files.seal import Damaged
from tpige_kedro.study.dealing import Kind
from tpige_kedro.study.languages import complete
from tpige_kedro.study.pairs import Pair

FOLDER = "08_reporting/study"
PAIRS, MATERIAL, ABOUT = "pairs.parquet", "material", "study.json"
CLIPS, PICTURES = "clips", "references"
DRAW_IT = "draw the study first: kedro run --pipelines=study"
Hidden = Callable[
    [frozenset[str]], frozenset[str]
]  # of these samples, those that may not be shown now


class Clip(NamedTuple):
    """A blinded clip: its file, and how many seconds it lasts."""

    file: Path
    seconds: float


@dataclass(frozen=True)
class StudyOnDisk:
    """The pairs by their ids, and ``about``: what ``study.json`` says (words, questions, prompts, …)."""

    folder: Path
    pairs: dict[str, Pair]
    about: dict[str, Any]

    @property
    def study(self) -> str:
        """The id of the study."""
        return str(self.about["study"])

    @property
    def kinds(self) -> dict[str, Kind]:
        """What dealing needs to know."""
        return {name: Kind(pair.kind, pair.repeats) for name, pair in self.pairs.items()}

    @cached_property
    def samples(self) -> frozenset[str]:
        """The samples of all pairs."""
        return frozenset(pair.sample_id for pair in self.pairs.values())

    def clip(self, name: str) -> Clip | None:
        """A clip of the study; None if its file is not there."""
        folder = self.folder / MATERIAL / CLIPS
        file = folder / f"{name}.mp4"
        try:
            record = read_record(file.with_suffix(SUFFIX), name)
        except (OSError, Damaged):
            return None  # a file without a whole record is none of ours
        return Clip(file, float(record["duration"])) if file.is_file() else None

    def picture(self, name: str) -> Path | None:
        """A reference picture; None if its file is not there."""
        file = self.folder / MATERIAL / PICTURES / f"{name}.jpg"
        return file if file.is_file() else None

    def shows(self, pair: Pair) -> bool:
        """Whether all files of a pair are there."""
        names = (pair.clip_a, pair.clip_b)
        clips = (self.folder / MATERIAL / CLIPS / f"{name}.mp4" for name in names)
        return self.picture(pair.reference) is not None and all(file.is_file() for file in clips)


def read_study(data_root: Path) -> StudyOnDisk:
    """The study below a data root.

    Raises:
        TpigeError: there is none, or it was not drawn to its end.
    """
    folder = data_root / FOLDER
    try:
        about = orjson.loads((folder / MATERIAL / ABOUT).read_bytes())
        table = pd.read_parquet(folder / PAIRS)
    except OSError as error:
        raise TpigeError(f"there is no study in {folder}; {DRAW_IT}") from error
    except ValueError as error:
        raise TpigeError(f"the study in {folder} is damaged: {error}; {DRAW_IT}") from error
    if table.attrs.get("study") != about.get("study"):
        raise TpigeError(f"the study in {folder} was drawn in part only; {DRAW_IT}")
    about["words"] = complete(about["words"])
    rows = (Pair(*row) for row in table[list(Pair._fields)].itertuples(index=False))
    return StudyOnDisk(folder, {pair.pair_id: pair for pair in rows}, about)


class Current:
    """The study as its files are now: read again when they change, so that the server need not be started again."""

    def __init__(self, data_root: Path, hidden: Hidden | None = None) -> None:
        self.data_root = data_root
        self._hidden = hidden or (lambda samples: frozenset())
        self._lock = threading.Lock()
        self._study = read_study(data_root)
        self._state = self._files()

    def study(self) -> StudyOnDisk:
        """What is on the disk; while a run writes there, what was before."""
        with self._lock:
            if (state := self._files()) != self._state:
                try:
                    self._study, self._state = read_study(self.data_root), state
                except TpigeError:
                    return self._study  # whose files are checked one by one
            return self._study

    def shown(self) -> set[str]:
        """The ids of the pairs that may be shown now: their files are there, and nobody in them has withdrawn."""
        return {name for name, pair in self.study().pairs.items() if self.may_show(pair)}

    def may_show(self, pair: Pair) -> bool:
        """Whether one pair may be shown now."""
        study = self.study()
        return pair.sample_id not in self._hidden(study.samples) and study.shows(pair)

    def _files(self) -> list[tuple[int, int]]:
        folder = self.data_root / FOLDER
        found = []
        for file in (folder / PAIRS, folder / MATERIAL / ABOUT):
            try:
                state = file.stat()
            except OSError:
                found.append((0, 0))
            else:
                found.append((state.st_mtime_ns, state.st_ino))
        return found

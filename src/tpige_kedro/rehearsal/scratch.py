"""The scratch folder: models are built there when a stage needs them and deleted when no later stage does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tpige_kedro.datasets.item_index import INDEX, read_index, write_index
from tpige_kedro.rehearsal.places import Place

GIB, GB = 2**30, 1e9


class Scratch:
    """A folder with ``models`` (a folder per place), ``data`` (what the runs make) and ``cache``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.models, self.data, self.cache = root / "models", root / "data", root / "cache"

    def folder(self, place: Place) -> Path:
        """Where a place is built."""
        return self.models / place.folder

    def to_build(self, places: Iterable[Place]) -> int:
        """Bytes that :meth:`build` will write, small files apart."""
        missing = (
            file.bytes
            for place in places
            for file in place.files
            if file.name in place.wanted and not (self.folder(place) / file.name).exists()
        )
        return sum(missing)

    def build(self, places: Iterable[Place]) -> tuple[int, float]:
        """Write the wanted files that are missing; returns the bytes written and the seconds."""
        started, written = time.perf_counter(), 0
        for place in places:
            for file in place.files:
                path = self.folder(place) / file.name
                if file.name in place.wanted and not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    file.write(path)
                    written += path.stat().st_size
        return written, time.perf_counter() - started

    def keep_only(self, wanted: Mapping[str, set[str]]) -> None:
        """Delete all files of models but those: names by the folder of their place."""
        for folder in self.models.iterdir() if self.models.exists() else ():
            names = wanted.get(folder.name, set())
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.relative_to(folder).as_posix() not in names:
                    path.unlink()
            if not names:
                shutil.rmtree(folder)

    @contextmanager
    def all_clips(self) -> Iterator[None]:
        """Clips that earlier stages made stay listed: each run lists its own alone, and all are to be scored."""
        folder = self.data / "07_model_output" / "clips"
        before = read_index(folder)
        yield
        if (folder / INDEX).exists():
            write_index(folder, {**before, **read_index(folder)})

    def used(self) -> int:
        """Bytes below the folder."""
        return bytes_below(self.root)

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.root, ignore_errors=True)


def bytes_below(folder: Path) -> int:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def merged(places: Iterable[Place]) -> dict[str, Place]:
    """Places by folder; one that several models name is built once, with the files that any of them needs."""
    found: dict[str, Place] = {}
    for place in places:
        known = found.setdefault(place.folder, Place(place.name, place.files))
        known.wanted |= place.wanted
    return found

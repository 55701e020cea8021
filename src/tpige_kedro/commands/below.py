"""Everything about a person below a data root: items, tables and pages, tasks of a service, cached facts about photos.

Whatever a run makes is looked at, by whichever version of this project: item folders anywhere, other files in the folders of
Kedro's layers. Raw data and models are left alone. Items come first and tables last, because a search that was cut off needs the
tables to find the rest.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tpige_kedro.commands.findings import Finding, file_finding
from tpige_kedro.commands.person import Person
from tpige_kedro.commands.records import Folder, read_folder
from tpige_kedro.datasets.chosen import TABLE as CHOSEN
from tpige_kedro.datasets.item_index import INDEX
from tpige_kedro.datasets.seen import SEEN
from tpige_kedro.files.atomic import is_temporary, save_bytes
from tpige_kedro.files.seal import Damaged, open_sealed, sealed
from tpige_kedro.study.forgetting import drop_samples, is_pair_list, pairs_of

LAYERS = re.compile(r"0[234578]_")  # 01 is the user's own data, 06 holds models
SPARED = ("01_raw", "06_models")
SHARED = "tables and pages that also show other people; a run makes them again"
SHEETS = "variant_sheets"  # before there were item folders, they did not say whom they show
TABLES = {".parquet", ".csv"}
TEXTS = {".html", ".js", ".svg", ".txt", ".md", ".tex"}


class Below:
    """The files below ``root``, walked once; nothing inside the folders ``spared`` is read."""

    def __init__(self, root: Path, spared: Iterable[Path] = ()) -> None:
        self.root = root
        self.folders: list[Folder] = []
        self.others: list[Path] = []
        self._spared = {p.resolve() for p in (*(root / name for name in SPARED), *spared)}
        self._walk(root, set())

    def learn(self, person: Person) -> None:
        """Note which samples and photos are the person's, as tables and records say."""
        for file in self.others:
            if file.suffix in TABLES and (table := _table(file)) is not None:
                person.learn_from_table(table)
        for folder in self.folders:
            for record in folder.records:
                person.learn_from_record(record)

    def persons_of(self, sample: str) -> set[str]:
        """Whose sample this is, as tables say: for those who give a sample where a person is asked for."""
        tables = [_table(file) for file in self.others if file.suffix == ".parquet"]
        return {
            str(person)
            for table in tables
            if table is not None and {"sample_id", "person_id"} <= set(table)
            for person in table.loc[table["sample_id"] == sample, "person_id"]
        }

    def find(self, person: Person) -> list[Finding]:
        """All that is the person's, or shows the person among others."""
        items = [f for folder in self.folders for f in self._in_folder(folder, person)]
        others = [f for file in self.others for f in self._in_file(file, person)]
        return items + sorted(others, key=lambda finding: finding.group == SHARED)

    def _walk(self, path: Path, seen: set[Path]) -> None:
        """Links are followed, circles are not."""
        if path.resolve() in seen | self._spared:
            return
        seen.add(path.resolve())
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        if any(entry.name == INDEX for entry in entries):
            layer = path.relative_to(self.root).as_posix()
            self.folders.append(read_folder(path, _files(path), layer))
            return
        in_layer = LAYERS.match(path.relative_to(self.root).as_posix()) is not None
        for entry in entries:
            if entry.is_dir():
                self._walk(Path(entry.path), seen)
            elif in_layer:
                self.others.append(Path(entry.path))

    def _in_folder(self, folder: Folder, person: Person) -> Iterator[Finding]:
        group = folder.path.relative_to(self.root).as_posix()
        mine = [record for record in folder.records if person.owns_record(record)]
        files = {file for r in mine for file in (r.file, r.output) if file is not None}
        keys = {record.key for record in mine}
        known = {record.key for record in folder.records}

        def is_mine(key: str) -> bool:
            return key in keys or (key not in known and person.owns(key))

        outputs_first = sorted(folder.files, key=lambda file: file.suffix == ".json")
        for file in outputs_first:
            if file in files or is_mine(folder.key_of(file)):
                yield file_finding(group, file)
            elif file.name == CHOSEN:  # a table of all items
                yield from self._in_file(file, person)
        index = folder.path / INDEX
        asked = _sealed(index).get("items")
        if not isinstance(asked, dict):  # damaged; a run writes it again
            if person.is_named_in(index.read_text(encoding="utf-8", errors="replace")):
                yield file_finding(group, index)
            return
        listed = [key for key in asked if is_mine(key)]
        if listed:
            drop = partial(_drop, index, "items", listed)
            yield Finding(group, str(index), drop, "entry", len(listed))
        seen = folder.path / SEEN
        remembered = [key for key in _sealed(seen).get("records") or () if is_mine(key)]
        if remembered:
            drop = partial(_drop, seen, "records", remembered)
            yield Finding(group, str(seen), drop, "entry", len(remembered))

    def _in_file(self, file: Path, person: Person) -> Iterator[Finding]:
        group = file.parent.relative_to(self.root).as_posix()
        if person.owns(re.sub(r"^\.tmp-\w+-", "", file.stem)):
            yield file_finding(group, file)
        elif is_temporary(file.name):
            return
        elif is_pair_list(file) and (pairs := pairs_of(file, person.ids)) is not None:
            if len(pairs):
                drop = partial(drop_samples, file, frozenset(person.ids))
                yield Finding(group, str(file), drop, "entry", len(pairs))
        elif file.suffix in TABLES:
            table = _table(file)
            if table is None or person.has_rows_in(table):
                yield file_finding(SHARED, file)
        elif file.suffix in TEXTS:
            if person.is_named_in(file.read_text(encoding="utf-8", errors="replace")):
                yield file_finding(SHARED, file)
        elif file.suffix == ".json":
            yield from self._in_json(file, person)
        elif file.parent.name == SHEETS:
            yield file_finding(SHARED, file)

    def _in_json(self, file: Path, person: Person) -> Iterator[Finding]:
        """A task of a service says whose sample it is for; a sealed file may hold what is known of photos."""
        photos = _sealed(file).get("files")
        if isinstance(photos, dict):
            mine = [path for path in photos if person.took(Path(path))]
            if mine:
                drop = partial(_drop, file, "files", mine)
                name = file.relative_to(self.root).as_posix()
                yield Finding(name, str(file), drop, "entry", len(mine))
            return
        try:
            content = json.loads(file.read_bytes())
        except ValueError:
            return
        if isinstance(content, dict):
            named = {str(content.get(name)) for name in ("sample_id", "person_id", "key")}
            if any(person.owns(name) for name in named):
                yield file_finding(file.parent.relative_to(self.root).as_posix(), file)


def _files(folder: Path) -> Iterator[Path]:
    for path, _, names in os.walk(folder, followlinks=True):
        yield from (Path(path, name) for name in sorted(names))


def _table(file: Path) -> Any:
    """A table; None if it cannot be read."""
    import pandas as pd

    try:
        if file.suffix == ".csv":
            return pd.read_csv(file, dtype=str, keep_default_na=False)
        return pd.read_parquet(file)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (OSError, ValueError):
        return None


def _sealed(file: Path) -> dict[str, Any]:
    try:
        return open_sealed(file.read_bytes())
    except (Damaged, OSError, ValueError):
        return {}


def _drop(file: Path, part: str, keys: Collection[str]) -> None:
    """Take keys out of a mapping in a sealed file."""
    content = _sealed(file)
    content[part] = {key: value for key, value in content[part].items() if key not in keys}
    save_bytes(file, sealed(content))

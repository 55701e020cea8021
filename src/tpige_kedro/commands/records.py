"""The item folders below a data root, read for what they say about people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tpige_kedro.datasets.item_index import INDEX
from tpige_kedro.datasets.seen import SEEN
from tpige_kedro.files.atomic import PREFIX
from tpige_kedro.files.seal import Damaged, open_sealed

TEMPORARY = re.compile(rf"^{re.escape(PREFIX)}[0-9a-f]+-")


@dataclass(frozen=True)
class Record:
    """What the record of an item says; ``people`` is empty if it names nobody or cannot be read."""

    file: Path
    key: str
    layer: str  # the folder below the data root, e.g. 07_model_output
    people: frozenset[str] = frozenset()
    output: Path | None = None


@dataclass
class Folder:
    """An item folder: its records, and all its files."""

    path: Path
    records: list[Record] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def key_of(self, file: Path) -> str:
        """The key that a file has by its name; of an unfinished file, the key of the one that it was to become.

        >>> Folder(Path("clips")).key_of(Path("clips/vace/.tmp-0a1b2c3d-s1.mp4"))
        'vace/s1'
        """
        name = TEMPORARY.sub("", file.name)
        return file.with_name(name).with_suffix("").relative_to(self.path).as_posix()


def read_folder(path: Path, files: Iterator[Path], layer: str) -> Folder:
    """An item folder of which ``files`` are all."""
    folder = Folder(path)
    for file in files:
        if file.name in (INDEX, SEEN) and file.parent == path:
            continue
        folder.files.append(file)
        if file.suffix == ".json" and not file.name.startswith(PREFIX):
            folder.records.append(_read(file, folder.key_of(file), layer))
    return folder


def _read(file: Path, key: str, layer: str) -> Record:
    content: dict[str, Any] = {}
    try:
        content = open_sealed(file.read_bytes())
    except (Damaged, OSError, ValueError):
        return Record(file, key, layer)
    output = content.get("output")
    name = output.get("file") if isinstance(output, dict) else None
    return Record(
        file,
        key,
        layer,
        frozenset(str(p) for p in content.get("people") or ()),
        file.with_name(Path(str(name)).name) if name else None,
    )

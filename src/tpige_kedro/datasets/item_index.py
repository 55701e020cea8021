"""What an item folder contains: the list of items that the latest run requested, and the names of the files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from operator import ne
from pathlib import Path

from tpige_kedro.files.atomic import is_temporary, save_bytes, sweep
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.files.seal import Damaged, open_sealed, sealed

INDEX = "_index.json"


def read_index(folder: Path) -> dict[str, str]:
    """The fingerprints that the latest run asked for, by key; nothing if no run did.

    Raises:
        DatasetError: the list is damaged; says what to do.
    """
    file = folder / INDEX
    try:
        return dict(open_sealed(file.read_bytes())["items"])
    except FileNotFoundError:
        return {}
    except Damaged as error:
        raise DatasetError(
            f"{file} is damaged: {error}; delete it and run the pipeline that makes {folder.name} again (finished items are kept)"
        ) from error


def write_index(folder: Path, asked: Mapping[str, str]) -> None:
    """Replace the list, unless it is there: a rerun with nothing to do need not write thousands of lines to compare them."""
    try:
        written = read_index(folder)
    except (DatasetError, OSError, KeyError, TypeError, ValueError):
        written = {}
    if written != asked or any(map(ne, written, asked)) or not asked:
        save_bytes(folder / INDEX, sealed({"items": asked}))


def finished_files(folder: str, below: str = "") -> Iterator[str]:
    """The files of a folder and its sub-folders, relative, as texts: there are tens of thousands. Unfinished ones are left out."""
    for entry in os.scandir(folder) if os.path.isdir(folder) else ():
        if entry.is_dir():
            yield from finished_files(entry.path, f"{below}{entry.name}/")
        elif not is_temporary(entry.name):
            yield f"{below}{entry.name}"


def sweep_items(folder: Path) -> None:
    """Delete unfinished files: whoever wrote them is gone, since one run at a time writes here."""
    below = [entry.path for entry in os.scandir(folder) if entry.is_dir()]
    for place in (str(folder), *below):
        sweep(place)

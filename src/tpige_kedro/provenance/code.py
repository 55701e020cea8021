"""What decides a result that our own code computes: the source of that code, and the tables that it is given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def code_hash(*parts: str) -> str:
    """A hash of source files and whole folders of this package, data files in there included.

    For results of plain code: nobody can forget to raise a version. A changed comment costs computing them again.

    >>> (
    ...     code_hash("seeds.py") == code_hash("seeds.py"),
    ...     code_hash("seeds.py") == code_hash("errors.py"),
    ... )
    (True, False)
    """
    found = hashlib.sha256()
    for file in (file for part in parts for file in _files(PACKAGE / part)):
        found.update(f"{file.relative_to(PACKAGE).as_posix()}\n".encode())
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def table_hash(table: pd.DataFrame) -> str:
    """A hash of a table's columns, their types, and its values in their order; of equal tables, equal."""
    import pandas as pd

    found = hashlib.sha256()
    for name, kind in table.dtypes.items():
        found.update(f"{name} {kind}\n".encode())
    found.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return found.hexdigest()


def _files(place: Path) -> Iterator[Path]:
    """The file itself, or all files below a folder, in the same order everywhere."""
    if place.is_dir():
        yield from sorted(f for f in place.rglob("*") if f.is_file() and f.suffix != ".pyc")
    else:
        yield place

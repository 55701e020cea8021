"""Cache of what the records of an item folder said when last read, so that a rerun opens only those that changed since.

A record is known again by its stamp: size, time of its content, time of its last change of any kind, and inode. Nobody can set the
third, so that a record which was edited, exchanged, or put back with its old time is read again. ``_seen.json`` can be deleted at
any time: it saves time and holds nothing else. A damaged one counts as none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from tpige_kedro.datasets.records import Known
from tpige_kedro.files.atomic import remove, save_bytes
from tpige_kedro.files.seal import Damaged, open_sealed, sealed

SEEN = "_seen.json"
SETTLED = 2_000_000_000  # nanoseconds: no file system's clock ticks more slowly

Stamp = tuple[int, int, int, int]  # size, mtime_ns, ctime_ns, inode


def stamp_of(state: os.stat_result) -> Stamp:
    """What tells one state of a file from all others that it had."""
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino


def is_settled(stamp: Stamp) -> bool:
    """Whether a file that is changed from now on gets another stamp: within one tick of the clock it might keep its own.

    >>> is_settled((10, time.time_ns(), time.time_ns(), 1)), is_settled((10, 0, 0, 1))
    (False, True)
    """
    return max(stamp[1:3]) + SETTLED < time.time_ns()


def read_seen(folder: Path) -> dict[str, str]:
    """What is remembered of the records in a folder, by key, a line each; nothing if the file is damaged or was never written.

    Lines stay as they are until :func:`seen_in` is asked what one says: of a large run they take a third of the memory.
    """
    try:
        lines: dict[str, str] = open_sealed((folder / SEEN).read_bytes())["records"]
        return lines if isinstance(lines, dict) else {}
    except (OSError, Damaged, KeyError, ValueError, TypeError):
        return {}


def write_seen(folder: Path, lines: Mapping[str, str]) -> None:
    """Replace what is remembered; nothing to remember leaves no file."""
    if lines:
        save_bytes(folder / SEEN, sealed({"records": lines}))
    else:
        remove(folder / SEEN)


def is_plain(known: Known) -> bool:
    """Whether a record is of a finished item and no more: all others are few, and are read each time."""
    return known.failure is None and not known.partial and bool(known.fingerprint and known.sha256)


def line_of(stamp: Stamp, known: Known) -> str:
    """A plain record and its stamp as a line."""
    parts = (*stamp, known.size, known.mtime_ns, known.fingerprint, known.sha256)
    return " ".join(map(str, parts))


def seen_in(line: str) -> tuple[Stamp, Known] | None:
    """What :func:`line_of` was given; None for a line that it never wrote.

    >>> record = Known("f" * 32, "5" * 64, 9, 10, None, False)
    >>> seen_in(line_of((1, 2, 3, 4), record)) == ((1, 2, 3, 4), record), seen_in("1 2")
    (True, None)
    """
    try:
        size, mtime, ctime, inode, bytes_, output_mtime, fingerprint, sha256 = line.split(" ")
        stamp = (int(size), int(mtime), int(ctime), int(inode))
        return stamp, Known(fingerprint, sha256, int(bytes_), int(output_mtime), None, False)
    except (ValueError, AttributeError):
        return None

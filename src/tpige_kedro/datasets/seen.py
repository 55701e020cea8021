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


def read_seen(folder: Path) -> dict[str, tuple[Stamp, Known]]:
    """What is remembered of the records in a folder, by key; nothing if the file is damaged or was never written."""
    try:
        lines = open_sealed((folder / SEEN).read_bytes())["records"]
        return {key: _entry(line) for key, line in lines.items()}
    except (OSError, Damaged, KeyError, ValueError, TypeError, AttributeError):
        return {}


def write_seen(folder: Path, records: Mapping[str, tuple[Stamp, Known]]) -> None:
    """Replace what is remembered; nothing to remember leaves no file."""
    if records:
        lines = {key: _line(stamp, known) for key, (stamp, known) in records.items()}
        save_bytes(folder / SEEN, sealed({"records": lines}))
    else:
        remove(folder / SEEN)


def is_plain(known: Known) -> bool:
    """Whether a record is of a finished item and no more: all others are few, and are read each time."""
    return known.failure is None and not known.partial and bool(known.fingerprint and known.sha256)


def _line(stamp: Stamp, known: Known) -> str:
    parts = (*stamp, known.size, known.mtime_ns, known.fingerprint, known.sha256)
    return " ".join(map(str, parts))


def _entry(line: str) -> tuple[Stamp, Known]:
    size, mtime, ctime, inode, bytes_, output_mtime, fingerprint, sha256 = line.split(" ")
    stamp = (int(size), int(mtime), int(ctime), int(inode))
    return stamp, Known(fingerprint, sha256, int(bytes_), int(output_mtime), None, False)

"""Checks an item on the disk: is it finished, and is its file the one that was committed?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tpige_kedro.datasets.records import (
    SUFFIX,
    Failure,
    Known,
    known_of,
    open_record,
    read_bytes,
)
from tpige_kedro.datasets.seen import (
    Stamp,
    is_plain,
    is_settled,
    line_of,
    read_seen,
    seen_in,
    stamp_of,
    write_seen,
)
from tpige_kedro.files.known import sha256_of
from tpige_kedro.files.seal import Damaged

State = tuple[int, int] | None  # size and time of a file; None: there is none


class Look(NamedTuple):
    """What is on the disk of an item.

    ``is_made``: it was made from what is asked for, and is whole. ``problem`` names the file that is not what was committed, and
    how. ``moved``: the file has another time, but its content is the committed one. ``partial``: only a part of it was made,
    because the rest failed or the run was stopped.
    """

    is_made: bool = False
    sha256: str = ""
    failure: Failure | None = None
    problem: str = ""
    moved: bool = False
    partial: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do: it is made, all of it.

        An attempt that failed since then does not count: the file was damaged, could not be made again, and was put back.
        """
        return self.is_made and not self.partial


NOTHING = Look()


class Looks:
    """Remembers what was seen, so that a record is read once, by several nodes and by later runs, until it changes.

    ``full``: read every record and hash every file instead of trusting sizes and times. Paths are plain texts here: a large run
    looks at tens of thousands of files.
    """

    def __init__(self, folder: Path, suffix: str, full: bool = False) -> None:
        self._folder = str(folder)
        self._suffix = suffix
        self._full = full
        self._earlier: dict[str, str] | None = None  # what earlier runs saw, as lines
        self._records: dict[str, tuple[Stamp, Known | str]] = {}  # what was read since
        self._new: set[str] = set()  # records that were read within a tick of their own time
        self._outputs: dict[str, tuple[State, str]] = {}

    def forget(self, key: str) -> None:
        """An item was written."""
        self._records.pop(key, None)
        self._outputs.pop(f"{key}{self._suffix}", None)

    def forget_all(self) -> None:
        """Free the memory; later look-ups read from disk again."""
        self._records.clear()
        self._new.clear()
        self._outputs.clear()
        self._earlier = None

    def remember(self, keys: Iterable[str]) -> None:
        """Save what the records of ``keys`` say for later runs, without those that were too new for their time to tell changes."""
        earlier = self._of_earlier_runs()
        plain: dict[str, str] = {}
        for key in keys:
            if key not in self._records:
                if key in earlier:
                    plain[key] = earlier[key]
                continue
            stamp, known = self._records[key]
            if isinstance(known, Known) and is_plain(known) and key not in self._new:
                plain[key] = line_of(stamp, known)
        if plain != earlier:
            write_seen(Path(self._folder), plain)
            self._earlier = plain

    def at(self, key: str, fingerprint: str) -> Look:
        """The item ``key``, requested with ``fingerprint``."""
        known = self._known(key)
        if known is None:
            return NOTHING
        if isinstance(known, str):
            return Look(problem=f"{key}{SUFFIX} ({known})")
        if known.fingerprint != fingerprint:
            return Look(sha256=known.sha256, failure=known.failure)
        if known.size < 0:
            return Look(True, known.sha256, known.failure, partial=known.partial)
        return self._look_at_output(key, known)

    def _look_at_output(self, key: str, known: Known) -> Look:
        state = _state(f"{self._folder}/{key}{self._suffix}")
        committed = (known.size, known.mtime_ns)
        problem = ""
        if state != committed or self._full:
            problem = self._problem(f"{key}{self._suffix}", known, state)
        moved = state != committed and not problem
        return Look(not problem, known.sha256, known.failure, problem, moved)

    def _known(self, key: str) -> Known | str | None:
        """The record, what is wrong with it, or None if there is none."""
        file = f"{self._folder}/{key}{SUFFIX}"
        try:
            stamp = stamp_of(os.stat(file))
            seen = self._records.get(key) or seen_in(self._of_earlier_runs().get(key, ""))
            if seen is None or seen[0] != stamp:
                data, state = read_bytes(file)
                seen = self._records[key] = (stamp_of(state), _known_in(data, key))
                if not is_settled(seen[0]):
                    self._new.add(key)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return seen[1]

    def _of_earlier_runs(self) -> dict[str, str]:
        if self._earlier is None:
            self._earlier = {} if self._full else read_seen(Path(self._folder))
        return self._earlier

    def _problem(self, file: str, known: Known, state: State) -> str:
        """How a file differs from the committed one; nothing if its content is the same."""
        if state is None:
            return f"{file} is gone"
        if state[0] != known.size:
            return f"{file} has {state[0]} bytes instead of {known.size}"
        seen = self._outputs.get(file)
        if seen is None or seen[0] != state:
            seen = self._outputs[file] = (state, sha256_of(Path(self._folder, file)))
        return "" if seen[1] == known.sha256 else f"{file} has different content"


def _state(file: str) -> State:
    try:
        state = os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return state.st_size, state.st_mtime_ns


def _known_in(data: bytes, key: str) -> Known | str:
    try:
        return known_of(open_record(data, key))
    except (Damaged, KeyError, TypeError) as error:
        return str(error)

"""Looks at an item on the disk: is it finished, and is its file the one that was committed?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tpige_kedro.datasets.records import (
    SUFFIX,
    Failure,
    Known,
    known_of,
    open_record,
    read_bytes,
)
from tpige_kedro.files.known import sha256_of
from tpige_kedro.files.seal import Damaged

State = tuple[int, int] | None  # size and time of a file; None: there is none


@dataclass(frozen=True, slots=True)
class Look:
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
    """Remembers what was seen, so that the records of a folder which several nodes load are read once.

    ``full``: hash every file instead of trusting size and time. Paths are plain texts here: a large run looks at tens of
    thousands of files.
    """

    def __init__(self, folder: Path, suffix: str, full: bool = False) -> None:
        self._folder = str(folder)
        self._suffix = suffix
        self._full = full
        self._records: dict[str, tuple[int, Known | str]] = {}
        self._outputs: dict[str, tuple[State, str]] = {}

    def forget(self, key: str) -> None:
        """An item was written."""
        self._records.pop(key, None)
        self._outputs.pop(f"{key}{self._suffix}", None)

    def forget_all(self) -> None:
        """Free the memory; what is looked at again is read again."""
        self._records.clear()
        self._outputs.clear()

    def at(self, key: str, fingerprint: str) -> Look:
        """The item ``key``, of which ``fingerprint`` is asked for."""
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
        seen = self._records.get(key)
        if seen is None or seen[0] != hash(_state(file)):
            try:
                data, state = read_bytes(file)
            except (FileNotFoundError, NotADirectoryError):
                return None
            stamp = hash((state.st_size, state.st_mtime_ns))
            seen = self._records[key] = (stamp, _known_in(data, key))
        return seen[1]

    def _problem(self, file: str, known: Known, state: State) -> str:
        """How a file differs from the committed one; nothing if its content is the same."""
        if state is None:
            return f"{file} is gone"
        if state[0] != known.size:
            return f"{file} has {state[0]} bytes instead of {known.size}"
        seen = self._outputs.get(file)
        if seen is None or seen[0] != state:
            seen = self._outputs[file] = (state, sha256_of(Path(self._folder, file)))
        return "" if seen[1] == known.sha256 else f"{file} has another content"


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

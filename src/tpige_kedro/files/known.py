"""Cached facts about files, valid as long as the files keep their size and time."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tpige_kedro.files.atomic import save_bytes
from tpige_kedro.files.seal import Damaged, open_sealed, sealed


class KnownFiles:
    """Facts (JSON values) about files, computed once for a path, a size and a modification time.

    They are kept in the file ``store`` by :meth:`save`; without a store, for the life of the object. A damaged or deleted store
    costs time, nothing else: the facts are computed again.
    """

    def __init__(self, store: Path | None = None) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._facts: dict[str, dict[str, Any]] = _read(store) if store else {}
        self._changed = False

    def fact(self, name: str, file: Path, compute: Callable[[Path], Any]) -> Any:
        """The fact ``name`` of ``file``: remembered if its size and time are the same, else computed. Safe among threads.

        >>> import tempfile
        >>> known = KnownFiles()
        >>> known.fact("bytes", Path(__file__), lambda file: file.stat().st_size) > 0
        True
        """
        state = file.stat()
        seen = [state.st_size, state.st_mtime_ns]
        path = os.path.abspath(file)
        with self._lock:
            entry = self._facts.get(path)
            if entry is not None and entry["seen"] == seen and name in entry:
                return entry[name]
        value = compute(file)
        with self._lock:
            entry = self._facts.get(path)
            if entry is None or entry["seen"] != seen:
                entry = self._facts[path] = {"seen": seen}
            entry[name] = value
            self._changed = True
        return value

    def sha256(self, file: Path) -> str:
        """The sha256 of all bytes of ``file``."""
        return str(self.fact("sha256", file, sha256_of))

    def forget(self, file: Path) -> bool:
        """Drop what is known of ``file``; return whether anything was."""
        with self._lock:
            found = self._facts.pop(os.path.abspath(file), None) is not None
            self._changed |= found
        return found

    def part(self, files: Iterable[Path]) -> KnownFiles:
        """What is known of some files, without a store: small enough to travel to another process."""
        some = KnownFiles()
        with self._lock:
            for path in map(os.path.abspath, files):
                if path in self._facts:
                    some._facts[path] = dict(self._facts[path])
        return some

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """With a lock of its own."""
        self.__dict__.update(state, _lock=threading.Lock())

    def save(self) -> None:
        """Write the store if anything is new."""
        with self._lock:
            if self._store is not None and self._changed:
                save_bytes(self._store, sealed({"files": self._facts}))
                self._changed = False


def sha256_of(file: Path) -> str:
    """The sha256 of all bytes of a file, in hex."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _read(store: Path) -> dict[str, dict[str, Any]]:
    try:
        facts = open_sealed(store.read_bytes())["files"]
    except (OSError, Damaged, KeyError):
        return {}
    return {str(path): entry for path, entry in facts.items()} if isinstance(facts, dict) else {}

"""The items of a folder as the next stage sees them: finished, intact, and requested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tpige_kedro.datasets.records import DAMAGED, Failure


class Source(Protocol):
    """Where items come from: an item folder."""

    def path_of(self, key: str) -> Path:
        """The file of an item; its record, if the value is in there."""
        ...

    def load_item(self, key: str) -> Any:
        """The output of an item."""
        ...

    def record_of(self, key: str) -> dict[str, Any]:
        """The record of an item."""
        ...


@dataclass(frozen=True, slots=True)
class Item:
    """One finished item: what it is known by, and how to get it.

    ``mark`` is the sha256 of its content, for fingerprints of what is made from it.
    """

    key: str
    mark: str
    source: Source

    @property
    def path(self) -> Path:
        """Its file; of an item whose value is in its record, the record."""
        return self.source.path_of(self.key)

    def load(self) -> Any:
        """Its output, read from the disk."""
        return self.source.load_item(self.key)

    def record(self) -> dict[str, Any]:
        """Everything that its record says, read from the disk."""
        return self.source.record_of(self.key)


class Items(Mapping[str, Item]):
    """The finished items of a folder by key, in the order in which the latest run asked for them.

    What that run did not ask for, what is damaged, and what was made from something else is not in here. ``failures`` says what is
    wrong with those that failed or whose files are not what was saved.
    """

    def __init__(self, items: Mapping[str, Item], failures: Mapping[str, Failure]) -> None:
        self._items = dict(items)
        self.failures = dict(failures)

    def __getitem__(self, key: str) -> Item:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def part(self, keys: Iterable[str]) -> Items:
        """Some of them, for another process."""
        return Items({key: self._items[key] for key in keys if key in self._items}, {})

    def mark(self) -> str:
        """A hash of which items there are and of their contents."""
        found = hashlib.sha256()
        for key, item in self._items.items():
            found.update(f"{key} {item.mark}\n".encode())
        return found.hexdigest()

    def damaged(self) -> dict[str, str]:
        """What is wrong with the items whose files are not what was saved, and what to do."""
        return {key: f.message for key, f in self.failures.items() if f.error == DAMAGED}

    def loaded(self) -> dict[str, Any]:
        """All outputs, loaded: for small values such as what was read in faces."""
        return {key: item.load() for key, item in self._items.items()}

    def by_group(self) -> dict[str, dict[str, Item]]:
        """The items whose keys are ``<group>/<name>``, by group and name."""
        groups: dict[str, dict[str, Item]] = {}
        for key, item in self._items.items():
            group, _, name = key.partition("/")
            groups.setdefault(group, {})[name] = item
        return groups


NONE = Items({}, {})

"""Who a study may show now, as the list of samples says."""

from __future__ import annotations

import time
from pathlib import Path

from tpige_kedro.commands.places import samples_of
from tpige_kedro.commands.withdrawn import withdrawn
from tpige_kedro.errors import TpigeError
from tpige_kedro.study.on_disk import Current

FRESH = 5.0  # seconds that the list of samples counts as known


class ListedPeople:
    """Who may not be shown any more, as the list of samples says now; it is read at most every few seconds."""

    def __init__(self, samples_root: Path) -> None:
        self._root = samples_root
        self._read_at = -FRESH
        self._known: frozenset[str] = frozenset()
        self._hidden: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    def hidden(self, samples: frozenset[str]) -> frozenset[str]:
        """Of these samples, those whose consent was taken back, and those that are not on the list."""
        if samples != self._hidden[0] or time.monotonic() - self._read_at >= FRESH:
            listed = samples_of(self._root)
            self._known = (
                frozenset(map(str, listed["sample_id"])) if "sample_id" in listed else frozenset()
            )
            gone = withdrawn(samples, listed)
            self._hidden = samples, (samples - self._known) | gone.keys()
            self._read_at = time.monotonic()
        return self._hidden[1]


def current_study(data_root: Path, samples_root: Path) -> Current:
    """The study below a data root, without those who may not be shown. Raises ``TpigeError`` where nothing says who may be shown."""
    people = ListedPeople(samples_root)
    current = Current(data_root, people.hidden)
    samples = current.study().samples
    if samples == people.hidden(samples):
        raise TpigeError(
            f"{samples_root} lists none of the study's samples with consent, so none may be shown; set --samples-root to the folder "
            "with their list"
        )
    return current

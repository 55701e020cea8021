"""What this run did, stage by stage: counted where the work is done, read by the hooks that report it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Tally:
    """The counts of one stage (of one variant): all items, those reused from earlier runs, done now, and failed now."""

    label: str
    total: int
    reused: int
    done: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)


_tallies: dict[str, Tally] = {}


def open_tally(label: str, total: int, reused: int) -> Tally:
    """Start the counts of a stage; a second start replaces the first."""
    _tallies[label] = Tally(label, total, reused)
    return _tallies[label]


def tallies() -> list[Tally]:
    """The counts of all stages since :func:`reset_tallies`, in the order in which they started.

    They live in this process: Kedro's SequentialRunner and ThreadRunner see them, ParallelRunner does not.
    """
    return list(_tallies.values())


def reset_tallies() -> None:
    """Forget all counts: a new run begins."""
    _tallies.clear()

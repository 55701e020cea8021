"""What this run did, stage by stage: counted where the work is done, read by the hooks that report it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tpige_kedro.execution.work import Job, Work


@dataclass
class Tally:
    """The counts of one stage (of one variant): all items, those kept from earlier runs, made now, and failed now."""

    label: str
    total: int = 0
    kept: int = 0
    made: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)

    @property
    def unfinished(self) -> int:
        """Items that the run did not come to."""
        return self.total - self.kept - self.made - len(self.failures)


@dataclass
class Pace:
    """How fast workers did a stage: items in so many seconds, and the seconds of all workers and of their GPUs together."""

    stage: str
    items: int = 0
    seconds: float = 0.0
    worker_seconds: float = 0.0
    gpu_seconds: float = 0.0

    @property
    def per_hour(self) -> float:
        """Items an hour."""
        return 3600 * self.items / self.seconds if self.seconds else 0.0


_tallies: dict[str, Tally] = {}
_paces: dict[str, Pace] = {}
_watchers: list[Callable[[], None]] = []


def tally_label(stage: str, group: str) -> str:
    """How a stage of one variant is called in counts and messages.

    >>> tally_label("scoring", "vace"), tally_label("strips", "")
    ('scoring.vace', 'strips')
    """
    return f"{stage}.{group}" if group else stage


class Tallies:
    """The counts of one :class:`Work`, a tally for each of its groups; a second start of a stage replaces the first."""

    def __init__(self, work: Work, todo: Sequence[Job]) -> None:
        self._stage = work.label
        pending = {job.key for job in todo}
        for label in dict.fromkeys([*map(self.label, work.jobs)]) or [work.label]:
            _tallies[label] = Tally(label)
        for job in work.jobs:
            tally = _tallies[self.label(job)]
            tally.total += 1
            tally.kept += job.key not in pending
        if todo:
            for watcher in list(_watchers):
                watcher()

    def label(self, job: Job) -> str:
        """The label of the tally that counts ``job``."""
        return tally_label(self._stage, job.group)

    def count(self, job: Job, error: Exception | None) -> None:
        """Count a job that was made, or failed with ``error``."""
        tally = _tallies[self.label(job)]
        if error is None:
            tally.made += 1
        else:
            failure = {"key": item_name(job.key, job.group), "stage": tally.label}
            tally.failures.append({**failure, "message": message_of(error)})


def when_work_begins(watcher: Callable[[], None]) -> Callable[[], None]:
    """Call ``watcher`` whenever a stage has something to do, before it makes anything; returns what takes that back.

    It is called by the thread of the stage, and must not raise.
    """

    def call() -> None:
        watcher()

    def drop() -> None:
        if call in _watchers:
            _watchers.remove(call)

    _watchers.append(call)
    return drop


def item_name(key: str, group: str) -> str:
    """The item's name within its group: ``s1`` of ``vace/s1``."""
    return key.removeprefix(f"{group}/") if group else key


def message_of(error: BaseException) -> str:
    """An error's text with the notes that were added to it, or its class where it has none."""
    return " ".join([str(error), *getattr(error, "__notes__", ())]).strip() or type(error).__name__


def tallies() -> list[Tally]:
    """The counts of all stages since :func:`reset_tallies`, in the order in which they started.

    They live in this process: Kedro's SequentialRunner and ThreadRunner see them, ParallelRunner does not.
    """
    return list(_tallies.values())


def note_pace(pace: Pace) -> None:
    """Let :func:`paces` list it; a second start of a stage replaces the first."""
    _paces[pace.stage] = pace


def paces() -> list[Pace]:
    """How fast the stages were that workers did since :func:`reset_tallies`; none without workers."""
    return list(_paces.values())


def reset_tallies() -> None:
    """Forget all counts: a new run begins."""
    _tallies.clear()
    _paces.clear()

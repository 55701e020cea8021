"""The plan as text: a table, its totals, and where the numbers come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tpige_kedro.planning.rows import Line
from tpige_kedro.rehearsal.report import aligned

GB = 1e9
EXPLAINED = """\
left: what a run of all stages would make, also where the inputs are still to be made.
s/item: of finished items of this data root, else of the rehearsal. What is unknown is counted nowhere: sums with ≥ are lower bounds.
h on N: hours on N GPUs with workers (execution.engine: processes or ray). Items of references, clips and scores are divided by {workers}, each of which loads
  the models once, if a rehearsal measured how long that takes; readers, services, imported clips and rules are not divided.
Selection and report are not counted."""


@dataclass(frozen=True)
class Plan:
    """All lines; ``gpus`` are the numbers of GPUs to say hours for, of which a worker has ``gpus_per_worker``."""

    lines: Sequence[Line]
    gpus: Sequence[int]
    gpus_per_worker: int = 1
    samples: int = 0
    data_root: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def is_finished(self) -> bool:
        """Whether a run would make nothing."""
        return not any(line.left for line in self.lines)

    def text(self) -> str:
        """For the terminal."""
        notes = [f"note: {note}" for note in self.notes]
        if self.is_finished:
            done = sum(len(line.part.kept) for line in self.lines)
            sentence = f"nothing is left to do: {done:,} items of {self.samples:,} samples are done in {self.data_root}"
            return "\n".join([sentence, *notes])
        table = aligned([self._head(), *map(self._row, self.lines), self._total()])
        return "\n".join([*table, "", *notes, *([""] if notes else []), self._explained()])

    def _head(self) -> list[str]:
        hours = [f"h on {count}" for count in self.gpus]
        return ["stage", "variant", "done", "left", "s/item", "from", *hours, "GB", "dollars"]

    def _row(self, line: Line) -> list[str]:
        value, part = line.seconds.value, line.part
        at_least = "≥ " if line.seconds.at_least else ""
        seconds = "" if value is None else f"{at_least}{value:,.2f}"
        source = "rules" if part.by_rules and value is None else line.seconds.source
        timed = line.left and source != "rules"
        hours = [self._hours(line, count) if timed else "" for count in self.gpus]
        size = "unknown" if line.bytes is None else in_gb(line.bytes)
        cost = line.cost
        dollars = cost.unknown or ("" if cost.dollars is None else in_dollars(cost.dollars))
        counts = [f"{len(part.kept):,}", f"{line.left:,}"]
        return [line.stage, part.group, *counts, seconds, source, *hours, size, dollars]

    def _hours(self, line: Line, gpus: int) -> str:
        workers = gpus // self.gpus_per_worker
        if not workers:
            return "-"
        hours = line.hours(workers)
        return "unknown" if hours is None else f"{'≥ ' * line.unknown}{in_hours(hours)}"

    def _total(self) -> list[str]:
        hours = [self._total_hours(count) for count in self.gpus]
        size = summed([line.bytes for line in self.lines], in_gb)
        paid = [line.cost for line in self.lines if line.cost.unknown or line.cost.dollars is not None]  # fmt: skip
        dollars = summed([cost.dollars for cost in paid], in_dollars) if paid else ""
        done = f"{sum(len(line.part.kept) for line in self.lines):,}"
        left = f"{sum(line.left for line in self.lines):,}"
        return ["all", "", done, left, "", "", *hours, size, dollars]

    def _total_hours(self, gpus: int) -> str:
        workers = gpus // self.gpus_per_worker
        if not workers:
            return "-"
        found = [line.hours(workers) for line in self.lines]
        at_least = any(line.unknown for line in self.lines)
        return summed([*found, *([None] if at_least and None not in found else [])], in_hours)

    def _explained(self) -> str:
        several = self.gpus_per_worker > 1
        return EXPLAINED.format(
            workers=f"N/{self.gpus_per_worker} workers" if several else "N workers"
        )


def summed(values: Sequence[float | None], shown: Callable[[float], str]) -> str:
    """The sum of what is known: a lower bound if something is not, unknown if nothing is.

    >>> summed([1.0, 2.0], in_dollars), summed([1.0, None], in_dollars), summed([None], in_dollars)
    ('3.00', '≥ 1.00', 'unknown')
    """
    known = [value for value in values if value is not None]
    if None in values and not any(known):
        return "unknown"
    return f"{'≥ ' * (None in values)}{shown(sum(known))}"


def in_dollars(value: float) -> str:
    """With cents."""
    return f"{value:,.2f}"


def in_hours(value: float) -> str:
    """Hours with the digits that matter.

    >>> in_hours(1699.4), in_hours(2.345), in_hours(0.0123), in_hours(0.0001)
    ('1,699', '2.3', '0.01', '<0.01')
    """
    if 0 < value < 0.01:
        return "<0.01"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def in_gb(size: float) -> str:
    """Bytes as GB; nothing for nothing.

    >>> in_gb(9.04e10), in_gb(1.2e6), in_gb(0)
    ('90.4', '0.001', '')
    """
    if not size:
        return ""
    return f"{size / GB:,.1f}" if size >= 1e9 else f"{max(size / GB, 0.001):.3f}"

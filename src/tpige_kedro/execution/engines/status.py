"""How a pool is doing: a line while it works, and the numbers that MLflow shows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tpige_kedro.execution.engines.seats import Seat
from tpige_kedro.execution.progress import Step, bar_or_none
from tpige_kedro.execution.tally import Pace, note_pace, tallies

logger = logging.getLogger(__name__)

PERIOD = 30.0  # seconds between two lines in a log
MEANT = 10.0  # seconds below which a pace says little


class Status:
    """What a stage has done since it began."""

    def __init__(self, seats: Callable[[], Sequence[Seat]]) -> None:
        self._seats = seats
        self.pace = Pace("")

    def spent(self, seconds: float, gpus: float) -> None:
        """A worker has worked so long, on so many GPUs."""
        self.pace.worker_seconds += seconds
        self.pace.gpu_seconds += seconds * gpus

    @contextmanager
    def shown(self, label: str, total: int) -> Iterator[Step]:
        """Show how far the stage ``label`` is."""
        self.pace = pace = Pace(label)
        note_pace(pace)
        began = said = time.monotonic()

        def count() -> None:
            pace.items += 1
            pace.seconds = time.monotonic() - began

        with bar_or_none(label, total) as bar:

            def step(key: str) -> None:
                nonlocal said
                count()
                if bar is not None:
                    at_work = any(seat.is_busy for seat in self._seats())  # else it is done here
                    shown = self.pace_in_words() if at_work else key
                    bar.set_postfix_str(shown, refresh=False)
                    bar.update()
                elif pace.items == total:
                    logger.info("%s: all %d done in %s", label, total, self.end())
                elif time.monotonic() - said > PERIOD:
                    said = time.monotonic()
                    logger.info("%s: %d/%d done, %s", label, pace.items, total, self.line(total))

            yield step

    def line(self, total: int) -> str:
        """Time left, pace, workers and failures, in words."""
        left = (total - self.pace.items) * self.pace.seconds / max(1, self.pace.items)
        return f"{in_words(left)} left, {self.pace_in_words()}"

    def end(self) -> str:
        """Time taken, pace where it means something, and failures."""
        pace = f", {self.pace.per_hour:.0f} an hour" if self.pace.seconds > MEANT else ""
        return f"{in_words(self.pace.seconds)}{pace}, {self._failed()} failed"

    def pace_in_words(self) -> str:
        """Pace, workers and failures; a bar shows the time left itself."""
        seats = self._seats()
        busy = sum(1 for seat in seats if seat.is_busy)
        workers = f"{busy} of {len(seats)} workers busy, " if seats else ""
        return f"{self.pace.per_hour:.0f} an hour, {workers}{self._failed()} failed"

    def _failed(self) -> int:
        stage = self.pace.stage
        mine = [t for t in tallies() if t.label == stage or t.label.startswith(f"{stage}.")]
        return sum(len(tally.failures) for tally in mine)


def in_words(seconds: float) -> str:
    """A time that nobody needs to the second.

    >>> in_words(42), in_words(600), in_words(18_000)
    ('42 s', '10 min', '5.0 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

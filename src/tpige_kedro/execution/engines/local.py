"""The engine of one process: jobs are done here, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from tpige_kedro.execution.progress import Step, shown_progress
from tpige_kedro.execution.work import Job, Made, Work, Write


class Local:
    """Does jobs as their stage does them, with the models in this process."""

    def answers(
        self, todo: list[Job], work: Work, write: Write | None
    ) -> Iterator[tuple[Job, Made]]:
        """What the stage's own ``produce`` yields."""
        return work.produce(todo)

    def shown_progress(self, label: str, total: int) -> AbstractContextManager[Step]:
        """A bar on a terminal, a line per item in a log."""
        return shown_progress(label, total)

    def close(self) -> None:
        """Nothing was started."""

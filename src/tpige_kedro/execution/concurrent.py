"""Several items at a time, for work that waits for a service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from tpige_kedro.execution.work import Job, Outcome


def work_side_by_side(
    todo: Sequence[Job], work: Callable[[Job], Outcome], workers: int
) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its outcome, as soon as it is finished, ``workers`` at a time.

    A job begins only when another was handed on (and thereby saved), so that a run that is stopped has begun no more than
    ``workers`` items that are not saved. What ``work`` raises ends the run; what belongs to one item it returns.
    """
    waiting = iter(todo)
    running: dict[Future[Outcome], Job] = {}
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        for job in waiting:
            running[pool.submit(work, job)] = job
            if len(running) == workers:
                break
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield running.pop(future), future.result()
                if (following := next(waiting, None)) is not None:
                    running[pool.submit(work, following)] = following
    finally:  # a run that is stopped does not wait for answers that nobody will save
        pool.shutdown(wait=False, cancel_futures=True)

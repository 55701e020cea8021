"""One task in the background: clips are compressed and saved while the next one is sampled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)

PATIENCE = 4.0  # seconds that a stopped run waits for what is being saved; see execution/stopping.py for the time it has


class Behind:
    """Does one thing at a time in its own thread, in the order given.

    What one of them raises is raised by the next call, or when the block ends. If the block ends by an exception of its own, that
    is the one that is raised, and the other is logged.

    >>> with Behind() as behind:
    ...     behind.later(lambda: print("saved"))
    saved
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="behind")
        self._last: Future[Any] | None = None

    def later(self, do: Callable[[], Any]) -> None:
        """Do it in the thread, once what was given before is done; returns when it begins."""
        self.wait()
        self._last = self._pool.submit(do)

    def now(self, do: Callable[[], Any]) -> None:
        """Do it here, once what was given before is done."""
        self.wait()
        do()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for what was given last; ``TimeoutError`` if that takes longer than ``seconds``."""
        last = self._last
        if last is None:
            return
        try:
            last.result(seconds)
        finally:
            if last.done():  # else a stop came while it was waited for
                self._last = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.wait()
                return
            try:
                self.wait(None if isinstance(error, Exception) else PATIENCE)
            except TimeoutError:
                logger.warning("stopped before the last item was saved; it is made again")
            except Exception as other:
                logger.error("the last item was not saved: %s", other, exc_info=other)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

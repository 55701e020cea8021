"""How far a stage is: a bar with the time left on a terminal, a line per item in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn, TextIO

from tqdm import tqdm

logger = logging.getLogger(__name__)

Step = Callable[[str], None]  # called with the key of each item that is finished
NAME = 22  # columns for the name of a stage, so that the bars stand below each other
DONE = f"{{desc:{NAME}}} {{percentage:3.0f}}% |{{bar:12}}| {{n_fmt}}/{{total_fmt}}  {{elapsed}}"
BAR = f"{DONE}, {{remaining}} left{{postfix}}"


@contextmanager
def shown_progress(label: str, total: int) -> Iterator[Step]:
    """Show the progress over ``total`` items; call the yielded function after each.

    The bar takes the place of the lines only where nobody keeps them: ``kedro run > log`` or ``| tee log`` has lines.
    """
    with bar_or_none(label, total) as bar:
        yield _line_per_item(label, total) if bar is None else partial(_advance, bar)


def on_terminal() -> bool:
    """Whether bars are shown."""
    return sys.stderr.isatty() and sys.stdout.isatty()


@contextmanager
def bar_or_none(label: str, total: int) -> Iterator[tqdm[NoReturn] | None]:
    """A bar on a terminal; None where somebody keeps what is written."""
    if not on_terminal():
        yield None
        return
    write_above_bars()
    with tqdm.get_lock():  # type: ignore[no-untyped-call]  # not typed in its stubs
        # a bar appears in steps between which no other thread must write
        bar = tqdm(total=total, desc=label, dynamic_ncols=True, bar_format=BAR)
    try:
        yield bar
    finally:
        with tqdm.external_write_mode(file=sys.stderr):  # the bars of other threads move down
            if bar.n >= total:
                bar.bar_format, bar.postfix = DONE, None
            bar.close()


def _advance(bar: tqdm[NoReturn], key: str) -> None:
    bar.set_postfix_str(key, refresh=False)
    bar.update()


def _line_per_item(label: str, total: int) -> Step:
    started, count = time.perf_counter(), 0

    def step(key: str) -> None:
        nonlocal count
        count += 1
        eta = (time.perf_counter() - started) / count * (total - count)
        logger.info("%s: %d/%d %s, %.0f s left", label, count, total, key, eta)

    return step


class AboveBars(logging.StreamHandler[TextIO]):
    """Writes log lines to the terminal above the bars, so that neither garbles the other."""

    def emit(self, record: logging.LogRecord) -> None:
        """Clear the bars, write the line, draw them again."""
        with tqdm.external_write_mode(file=self.stream):
            super().emit(record)


def write_above_bars() -> None:
    """Put :class:`AboveBars` in the place of the root logger's plain handlers of the terminal, for good.

    Not in ``conf/logging.yml``, which Kedro reads before it knows this package; not for the time of one bar, because stages may
    run in threads and their bars end in any order.
    """
    root = logging.getLogger()
    for plain in [h for h in root.handlers if type(h) is logging.StreamHandler]:
        if plain.stream in (sys.stdout, sys.stderr):
            handler = AboveBars(plain.stream)
            handler.setLevel(plain.level)
            handler.setFormatter(plain.formatter)
            handler.filters = plain.filters
            root.addHandler(handler)
            root.removeHandler(plain)

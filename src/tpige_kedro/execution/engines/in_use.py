"""Which engine this process uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tpige_kedro.execution.engines.local import Local
from tpige_kedro.execution.engines.protocol import Engine

_engines: list[Engine] = []


def engine_in_use() -> Engine:
    """The engine that works items off now: the one of :func:`use_engine`, else :class:`.Local`."""
    return _engines[-1] if _engines else Local()


@contextmanager
def use_engine(engine: Engine) -> Iterator[Engine]:
    """Work everything off with ``engine`` in here, and close it afterwards.

    >>> with use_engine(Local()) as engine:
    ...     engine_in_use() is engine
    True
    """
    _engines.append(engine)
    try:
        yield engine
    finally:
        _engines.remove(engine)
        engine.close()

"""What requests cost: number, tokens and seconds, for one item (in its record) and for the whole process (in MLflow)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from threading import Lock


@dataclass
class Usage:
    """Counts that add up: requests sent, answers that came, tokens as the service counted them, seconds of waiting for it."""

    requests: int = 0
    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    def add(self, other: Usage) -> None:
        """Add ``other`` to this."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def to_dict(self) -> dict[str, float]:
        """For records."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


_totals: dict[str, Usage] = {}
_run = 0
_lock = Lock()
_item: ContextVar[Usage | None] = ContextVar("usage of the item in work", default=None)


@contextmanager
def metered() -> Iterator[Usage]:
    """Collects what the questions inside cost, in this thread."""
    usage = Usage()
    token = _item.set(usage)
    try:
        yield usage
    finally:
        _item.reset(token)


def meter(model: str, cost: Usage) -> None:
    """Count ``cost`` for the item in work and for ``model``."""
    if (usage := _item.get()) is not None:
        usage.add(cost)
    with _lock:
        _totals.setdefault(model, Usage()).add(cost)


def usage_totals() -> dict[str, Usage]:
    """By model, since :func:`reset_usage`."""
    with _lock:
        return dict(_totals)


def reset_usage() -> None:
    """Forget all counts: a new run begins."""
    global _run  # noqa: PLW0603 - models outlive runs in a notebook, their limits do not
    with _lock:
        _totals.clear()
        _run += 1


def run_number() -> int:
    """Which run of this process it is."""
    return _run

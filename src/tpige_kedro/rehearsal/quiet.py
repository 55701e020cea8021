"""Lines of a run's log that mislead in a rehearsal: what to run next, what it costs, and which variant of noise is best."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

ELSEWHERE, COMPUTED = "rehearsed in a stage of its own", "computed from the others, not run"
UNSAID: Mapping[str, Sequence[str]] = {  # logger -> words of the lines
    "tpige_kedro.hooks.failures": ("next: ", "the result:", "the report:"),
    "tpige_kedro.hooks.parameters": ("costs at most: ",),  # nothing is paid
    "tpige_kedro.pipelines.generation_variants.plan": (ELSEWHERE, COMPUTED),
}


@contextmanager
def without_misleading_lines() -> Iterator[None]:
    """Leave them out of the log; the table says what was measured and what was computed."""
    with ExitStack() as stack:
        for name, words in UNSAID.items():
            logger, unsaid = logging.getLogger(name), _Unsaid(words)
            logger.addFilter(unsaid)
            stack.callback(logger.removeFilter, unsaid)
        yield


class _Unsaid(logging.Filter):
    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self._words = words

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not any(word in message for word in self._words)

"""The announced retirement date of a model, and which entry of conf replaces it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lifetime:
    """The announced end of a model; without ``ends`` nothing is known and nothing is said.

    ``successor`` is the key of another model in conf.

    >>> Lifetime("gpt-4o", date(2027, 1, 14), "gpt_6_luna").advice()
    'the retirement of gpt-4o was announced for 14 January 2027: set prompt_enhancement.reader and reference_enhancement.writer to gpt_6_luna'
    """

    model: str
    ends: date | None = None
    successor: str | None = None

    def advice(self) -> str:
        """When the model ends and what to set instead; empty if nothing is known."""
        if self.ends is None:
            return ""
        instead = self.successor or "another model"
        day = f"{self.ends.day} {self.ends:%B %Y}"
        return (
            f"the retirement of {self.model} was announced for {day}: set prompt_enhancement.reader and reference_enhancement.writer to "
            f"{instead}"
        )

    def warn(self) -> None:
        """Log the advice if that day has come."""
        if self.ends is not None and today() >= self.ends:
            logger.warning("%s", self.advice())


def today() -> date:
    """The date in UTC."""
    return datetime.now(UTC).date()

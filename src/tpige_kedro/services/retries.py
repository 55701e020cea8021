"""When to retry a request to a service, and after how long."""

from __future__ import annotations

import email.utils
import math
import random
import time
from collections.abc import Mapping

FIRST_WAIT = 0.5  # seconds; doubled each time


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that a response asks to wait: ``retry-after-ms``, ``Retry-After`` in seconds or as an HTTP date; None without."""
    if milliseconds := _number(headers.get("retry-after-ms")):
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None:
        return None
    if (seconds := _number(value)) is not None:
        return seconds
    parsed = email.utils.parsedate_tz(value)
    if parsed is None:
        return None
    return max(0.0, email.utils.mktime_tz(parsed) - (time.time() if now is None else now))


def waiting_time(attempt: int, asked: float | None, max_wait: float) -> float | None:
    """Seconds before the next request; None if the service asks for more than ``max_wait``.

    Without a wish of the service 0.5 s, doubled with each ``attempt`` (from 0), at most ``max_wait``. A random half is on top
    or off, so that clients that were refused together do not come back together; never less than what was asked for.
    """
    if asked is not None:
        return asked + random.uniform(0, min(1.0, asked / 4)) if asked <= max_wait else None
    wait: float = min(max_wait, FIRST_WAIT * 2**attempt) * random.uniform(0.5, 1.0)
    return wait


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None

"""Numbers as a reader sees them, each with the full one behind it."""

from __future__ import annotations

import math
from typing import Any

DASH = "–"


def exact(value: float) -> str:
    """The shortest text that reads back as the same float; for ``data-`` attributes, so that nothing is lost in print."""
    return repr(float(value))


def short(value: float, beside: float = 0.0) -> str:
    """A few digits, as many as a number ``beside`` it has; a dash where there is no number.

    >>> short(0.61349), short(23.41), short(217.33), short(1.5, beside=23.41), short(math.nan)
    ('0.613', '23.41', '217.3', '1.50', '–')
    """
    if not math.isfinite(value):
        return DASH
    size = max(abs(value), abs(beside))
    text = f"{value:.3f}" if size < 10 else f"{value:.2f}" if size < 100 else f"{value:.1f}"
    return text.replace("-", "−")


def signed(value: float) -> str:
    """Like :func:`short`, with a plus where it grows."""
    return f"+{short(value)}" if value > 0 else short(value)


def spread(low: float, high: float) -> str:
    """An interval: [0.585, 0.640]; nothing where there is none."""
    if not math.isfinite(low) or not math.isfinite(high):
        return ""
    return f"[{short(low, beside=high)}, {short(high, beside=low)}]"


def p_value(p: float) -> str:
    """A p value: p = 0.031, p < 0.001."""
    if not math.isfinite(p):
        return DASH
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.0995 else f"p = {p:.2f}"


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100 * share:.0f} %"


FILTERS: dict[str, Any] = {f.__name__: f for f in (exact, short, signed, p_value, percent)}

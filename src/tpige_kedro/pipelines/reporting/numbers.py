"""Numbers as a reader sees them, each with the full one behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

DASH = "–"


def exact(value: float) -> str:
    """The shortest text that reads back as the same float; for ``data-`` attributes, so that nothing is lost in print."""
    return repr(float(value))


def short(value: float, beside: float = 0.0) -> str:
    """A few digits, as many as the number ``beside`` it has; a dash if there is no number.

    >>> short(0.61349), short(23.41), short(217.33), short(1.5, beside=23.41), short(math.nan)
    ('0.613', '23.41', '217.3', '1.50', '–')
    """
    if not math.isfinite(value):
        return DASH
    size = max(abs(value), abs(beside))
    text = f"{value:.3f}" if size < 10 else f"{value:.2f}" if size < 100 else f"{value:.1f}"
    return without_minus_zero(text).replace("-", "−")


def without_minus_zero(text: str) -> str:
    """A number in print; what rounds to zero has no sign.

    >>> without_minus_zero("-0.000"), without_minus_zero("-0.001")
    ('0.000', '-0.001')
    """
    return text.lstrip("-") if float(text) == 0 else text


def signed(value: float) -> str:
    """Like :func:`short`, with a plus where it grows by more than the rounding.

    >>> signed(0.02), signed(-0.02), signed(0.0001), signed(-0.0001)
    ('+0.020', '−0.020', '0.000', '0.000')
    """
    text = short(value)
    return f"+{text}" if value > 0 and float(text) > 0 else text


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


def percents(shares: Sequence[float]) -> list[str]:
    """Shares of one whole in whole percent that add up to 100: the largest remainders are rounded up (Hare, Hamilton).

    >>> percents([1 / 8, 2 / 8, 5 / 8]), percents([0, 0])
    (['13 %', '25 %', '62 %'], ['0 %', '0 %'])
    """
    exact_ones = [round(100 * share, 9) for share in shares]
    whole = [math.floor(value) for value in exact_ones]
    left = round(sum(exact_ones)) - sum(whole)
    order = sorted(range(len(whole)), key=lambda i: whole[i] - exact_ones[i])  # ties: the first
    for i in order[:left]:
        whole[i] += 1
    return [f"{value} %" for value in whole]


def ordinal(rank: int) -> str:
    """A place in an order.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st', '112th']
    """
    ending = (
        "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    )
    return f"{rank}{ending}"


def seconds(value: float) -> str:
    """A time in seconds: one decimal below ten.

    >>> seconds(7.036), seconds(463.7), seconds(math.nan)
    ('7.0', '464', '–')
    """
    if not math.isfinite(value):
        return DASH
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


FILTERS: dict[str, Any] = {f.__name__: f for f in (exact, short, signed, p_value, ordinal, seconds)}

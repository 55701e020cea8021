"""Sweeps as small pictures, one panel per metric, with coordinates for the template's SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tpige_kedro.metrics.statistics import Interval
from tpige_kedro.pipelines.reporting.plot import nice_ticks, tick_text
from tpige_kedro.pipelines.reporting.sweeps import MetricCurve, Sweep, is_number, value_text

WIDTH, HEIGHT = 330, 190  # units of the SVG: a panel
LEFT, RIGHT, TOP, BOTTOM = 50, 16, 8, 34  # around what is drawn
APART = 4  # between the bars of neighbouring curves at one value
LETTER = 6.2  # width of a letter on an axis
WIDE = 30  # the largest over the smallest value, from which an axis is logarithmic
COLOURS = ("#0b6e6e", "#b4530a", "#5b3fa0", "#8a1c3c", "#2f6db5", "#5f6b1d")
DASHES = ("", "6 3", "2 3")  # with the second and third round of colours


@dataclass(frozen=True)
class Point:
    """A mean at (x, y) with its bar from ``low`` to ``high``, the y of the interval's ends."""

    variant: str
    interval: Interval
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One curve: its points from left to right; ``joined`` if there is something between two values."""

    name: str
    colour: str
    dash: str
    points: Sequence[Point]
    joined: bool

    @property
    def path(self) -> str:
        """The points as SVG takes them."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)


@dataclass(frozen=True)
class CurvePanel:
    """One metric: lines, ticks (place, text, row of labels) of both axes, and the baseline's y if there is one."""

    curve: MetricCurve
    lines: Sequence[Line]
    x_ticks: Sequence[tuple[float, str, int]]
    y_ticks: Sequence[tuple[float, str]]
    baseline: float | None


def curve_panels(sweep: Sweep, curves: Sequence[MetricCurve]) -> list[CurvePanel]:
    """The panels of a sweep in the order of its curves; empty ones where no sample is common."""
    place = x_axis(sweep.values)
    return [_panel(sweep, curve, place) for curve in curves]


def is_logarithmic(values: Sequence[Any]) -> bool:
    """Whether values are so far apart that an axis shows their logarithms.

    >>> is_logarithmic([0.01, 0.1, 1]), is_logarithmic([0, 0.5, 1]), is_logarithmic(["a", "b"])
    (True, False, False)
    """
    numbers = all(map(is_number, values))
    return numbers and min(values) > 0 and max(values) / min(values) >= WIDE


def x_axis(values: Sequence[Any]) -> Callable[[Any], float]:
    """Where each of the values stands: numbers to scale, others one beside the other."""
    log, numbers = is_logarithmic(values), all(map(is_number, values))

    def along(value: Any) -> float:
        if not numbers:
            return float(values.index(value))
        return math.log(value) if log else float(value)

    low, high = along(values[0]), along(values[-1])
    margin = 14 if numbers else 34
    width = WIDTH - LEFT - RIGHT - 2 * margin

    def place(value: Any) -> float:
        share = (along(value) - low) / (high - low) if high > low else 0.5
        return round(LEFT + margin + share * width, 2)

    return place


def _panel(sweep: Sweep, curve: MetricCurve, place: Callable[[Any], float]) -> CurvePanel:
    if not curve.samples:
        return CurvePanel(curve, (), (), (), None)
    shown = [*curve.points.values(), *([curve.baseline] if curve.baseline else [])]
    low, high = _bounds(shown)

    def height(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 2)

    lines = []
    for i, (name, values) in enumerate(sweep.series.items()):
        aside = APART * (i - (len(sweep.series) - 1) / 2)
        at = sorted((place(value), v) for v, value in values.items() if v in curve.points)
        points = [_point(v, curve.points[v], round(x + aside, 2), height) for x, v in at]
        colour, dash = COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]
        lines.append(Line(name, colour, dash, points, all(map(is_number, sweep.values))))
    ticks, step = nice_ticks(low, high)
    return CurvePanel(
        curve=curve,
        lines=lines,
        x_ticks=x_ticks([(place(value), value_text(value)) for value in sweep.values]),
        y_ticks=[(height(tick), tick_text(tick, step)) for tick in ticks],
        baseline=height(curve.baseline.mean) if curve.baseline else None,
    )


def _point(variant: str, interval: Interval, x: float, height: Callable[[float], float]) -> Point:
    low, high = (v if math.isfinite(v) else interval.mean for v in (interval.low, interval.high))
    return Point(variant, interval, x, height(interval.mean), height(low), height(high))


def _bounds(intervals: Sequence[Interval]) -> tuple[float, float]:
    """The range that all means and intervals fit in, with a margin."""
    values = [v for i in intervals for v in (i.mean, i.low, i.high) if math.isfinite(v)]
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin


def x_ticks(places: Sequence[tuple[float, str]]) -> list[tuple[float, str, int]]:
    """The labels of an axis in one or two rows; numbers that would still overlap are left out.

    >>> x_ticks([(60, "0"), (70, "0.125"), (80, "0.25")])
    [(60, '0', 0), (70, '0.125', 1), (80, '0.25', 0)]
    """
    shown: list[tuple[float, str, int]] = []
    ends = [-math.inf, -math.inf]  # of the last label in each row
    for x, text in places:
        start = x - LETTER * len(text) / 2
        row = next((r for r in (0, 1) if start > ends[r] + 4), None)
        shown.append((x, text if row is not None else "", row or 0))
        if row is not None:
            ends[row] = x + LETTER * len(text) / 2
    return shown

"""Means and intervals as small pictures, one panel per metric, with coordinates for the template's SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tpige_kedro.metrics.columns import SELECTIONS
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.tables import Cell, TableRow

LABELS, WIDTH, LINE, TOP = (
    150,
    400,
    19,
    10,
)  # units of the SVG: left of the axis, all, per row, above
COUNT = 36  # at the right of a panel in which n differs


@dataclass(frozen=True)
class Mark:
    """One variant in a panel: a dot at ``x`` and a bar from ``left`` to ``right``, at height ``y``."""

    title: str
    cell: Cell
    y: float
    x: float
    left: float
    right: float
    kind: str  # variant | selection


@dataclass(frozen=True)
class Panel:
    """One metric: marks, (x, text) ticks, and the baseline's x if there is one."""

    metric: MetricSpec
    marks: Sequence[Mark]
    ticks: Sequence[tuple[float, str]]
    baseline: float | None
    width: int
    height: float


def nice_ticks(low: float, high: float) -> tuple[list[float], float]:
    """Round numbers inside [low, high], three to eight of them, and their distance: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(high - low))
    for step in (5 * power, 2 * power, power, power / 2, power / 5):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first >= 2:
            break
    return [i * step for i in range(first, last + 1)], step


def tick_text(tick: float, step: float) -> str:
    """A tick with as many decimals as its distance to the next needs."""
    return f"{tick:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def bounds(cells: Sequence[Cell]) -> tuple[float, float]:
    """The range that all dots and bars fit in, with a margin."""
    values = [v for c in cells for v in (c.mean, c.low, c.high) if math.isfinite(v)]
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin


def interval_panel(
    metric: MetricSpec, rows: Sequence[TableRow], baseline: str | None
) -> Panel | None:
    """The panel of one metric; none if nothing has a value."""
    shown = [(r, r.cells[metric.name]) for r in rows if metric.name in r.cells]
    shown = [(row, cell) for row, cell in shown if math.isfinite(cell.mean)]
    if not shown:
        return None
    low, high = bounds([cell for _, cell in shown])
    right_edge = WIDTH - 12 - (COUNT if any(cell.n != cell.of for _, cell in shown) else 0)

    def place(value: float) -> float:
        return round(LABELS + (value - low) / (high - low) * (right_edge - LABELS), 2)

    marks = []
    for i, (row, cell) in enumerate(shown):
        left, right = (v if math.isfinite(v) else cell.mean for v in (cell.low, cell.high))
        marks.append(
            Mark(
                title=row.title,
                cell=cell,
                y=TOP + LINE * (i + 0.5),
                x=place(cell.mean),
                left=place(left),
                right=place(right),
                kind="selection" if row.name in SELECTIONS else "variant",
            )
        )
    ticks, step = nice_ticks(low, high)
    reference = [place(cell.mean) for row, cell in shown if row.name == baseline]
    return Panel(
        metric=metric,
        marks=marks,
        ticks=[(place(t), tick_text(t, step)) for t in ticks],
        baseline=reference[0] if reference else None,
        width=WIDTH,
        height=TOP + LINE * len(marks) + 26,
    )


def interval_panels(
    metrics: Sequence[MetricSpec], rows: Sequence[TableRow], baseline: str | None
) -> list[Panel]:
    """A panel for every metric that has a value."""
    panels = [interval_panel(metric, rows, baseline) for metric in metrics]
    return [panel for panel in panels if panel is not None]

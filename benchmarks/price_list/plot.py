"""The plot of the price list: seconds of a VACE-14B clip against likeness, with the Pareto front."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.evidence.labels import boxes_along, boxes_of, label_points
from benchmarks.evidence.plots import BLUE, DPI, GREEN, GREY, ORANGE, PINK, STYLE
from benchmarks.price_list.rows import ROWS, Row
from benchmarks.price_list.table import LIKENESS, Found

AGAINST = "cfg"
TICKS = (15, 20, 30, 50, 100, 200, 400)
KINDS = {
    "no acceleration": "#222222",
    "8 bits or bfloat16": BLUE,
    "cache": GREEN,
    "guidance windows": PINK,
    "4 or 8 steps": ORANGE,
}


def kind_of(row: Row) -> str:
    """Which kind of acceleration a row is."""
    if row.is_short:
        return "4 or 8 steps"
    if "cache" in row.options:
        return "cache"
    if row.options or row.fp8_attention:
        return "8 bits or bfloat16"
    return "guidance windows" if row.exact else "no acceleration"


def draw(found: Found, file: Path) -> None:
    """The half of the pairs that chose nothing; the front is that of the other half."""
    first, second = found.half(False), found.half(True)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.4, 6.6), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.axhline(0, color=GREY, lw=0.8, ls=":")
        points, bars, labels = {}, [], []
        for name in found.rows:
            x = found.seconds[name]
            mean, low, high = (
                (0.0, 0.0, 0.0) if name == AGAINST else second.difference(LIKENESS, name, AGAINST)
            )
            colour = KINDS[kind_of(ROWS[name])]
            if low < high:
                bars.append(([x, x], [low, high]))
                axes.plot(*bars[-1], color=colour, lw=1.0, alpha=0.4)
            axes.plot(x, mean, "o", color=colour, ms=5)
            points[name] = (x, mean)
            labels.append((x, mean, name, colour))
        line = np.array([points[name] for name in first.front(found.rows)])
        axes.plot(line[:, 0], line[:, 1], color=GREY, lw=1.2, zorder=0)
        axes.set_xticks(list(TICKS), [str(t) for t in TICKS])
        axes.minorticks_off()
        axes.margins(0.09, 0.05)
        axes.grid(lw=0.4, alpha=0.4)
        axes.set_xlabel("seconds a clip of VACE-14B, 832 × 480 × 81, one H200 (log)")
        axes.set_ylabel(f"likeness of the mini model, difference to `{AGAINST}` (paired, 95 %)")
        axes.set_title(
            f"What speed pays in likeness (n = {len(second.clips)}; the line is the front of the other {len(first.clips)} pairs)"
        )
        marks = [Line2D([], [], marker="o", ls="", color=c, label=k) for k, c in KINDS.items()]
        legend = figure.legend(handles=marks, loc="outside upper center", ncols=len(marks))
        figure.draw_without_rendering()
        taken = [boxes_along(axes, *bar) for bar in bars]
        label_points(axes, labels, size=7, avoid=[boxes_of(legend), *taken])
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file)

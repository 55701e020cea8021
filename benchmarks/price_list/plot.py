"""The plot of the price list: seconds of a VACE-14B clip against likeness, with the Pareto fronts, in a panel for 50 steps and one for few."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.evidence.labels import Label, boxes_along, label_points
from benchmarks.evidence.plots import BLUE, GREEN, GREY, ORANGE, PINK, STYLE
from benchmarks.evidence.small_png import save_small
from benchmarks.price_list.rows import ROWS, Row
from benchmarks.price_list.table import LIKENESS, Found

Bar = tuple[list[float], list[float]]  # x and y of a line's points

AGAINST = "cfg"
SCALE = 105  # dots an inch
BROWN = "#8c6d31"
PANELS = {"50 steps": False, "4 and 8 steps": True}  # and whether its rows are short
KINDS = {
    "no acceleration": "#222222",
    "8 bits or bfloat16": BLUE,
    "cache": GREEN,
    "guidance windows": PINK,
    "few steps, distilled": ORANGE,
    "few steps, not distilled": BROWN,
}


def kind_of(row: Row) -> str:
    """Which kind of acceleration a row is."""
    if row.is_short:
        return f"few steps, {'' if row.options.get('loras') else 'not '}distilled"
    if "cache" in row.options:
        return "cache"
    if row.options or row.fp8_attention:
        return "8 bits or bfloat16"
    return "guidance windows" if row.exact else "no acceleration"


def draw(found: Found, file: Path) -> None:
    """Long rows above, short ones below; the half of the pairs that chose nothing, and the front of the other half."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 9.4), dpi=SCALE, layout="constrained")
        panels = figure.subplots(len(PANELS), 1)
        counts = [len(found.half(second).clips) for second in (True, False)]
        figure.suptitle(
            "What speed pays in likeness (n = {}; the lines are the fronts of the other {} pairs)".format(
                *counts
            )
        )
        marks = [Line2D([], [], marker="o", ls="", color=c, label=k) for k, c in KINDS.items()]
        figure.legend(handles=marks, loc="outside lower center", ncols=len(marks))
        drawn = [
            points(axes, found, [name for name in found.rows if ROWS[name].is_short == short])
            for axes, short in zip(panels, PANELS.values(), strict=True)
        ]
        for axes, heading in zip(panels, PANELS, strict=True):
            axes.set_title(heading, loc="left")
            axes.set_ylabel(f"likeness of the mini model − `{AGAINST}` (paired, 95 %)")
        panels[-1].set_xlabel("seconds a clip of VACE-14B, 832 × 480 × 81, one H200")
        figure.draw_without_rendering()
        for axes, (labels, bars) in zip(panels, drawn, strict=True):
            taken = [boxes_along(axes, *bar) for bar in bars]
            label_points(axes, labels, size=7.5, avoid=taken)
        file.parent.mkdir(parents=True, exist_ok=True)
        save_small(figure, file)


def points(axes: Axes, found: Found, rows: Sequence[str]) -> tuple[list[Label], list[Bar]]:
    """Draw some rows and their front; returns what the labels say and what they should not cover."""
    first, second = found.half(False), found.half(True)
    axes.axhline(0, color=GREY, lw=0.8, ls=":")
    at, labels, bars = dict[str, tuple[float, float]](), list[Label](), list[Bar]()
    for name in rows:
        x, colour = found.seconds[name], KINDS[kind_of(ROWS[name])]
        mean, low, high = (
            (0.0, 0.0, 0.0) if name == AGAINST else second.difference(LIKENESS, name, AGAINST)
        )
        if low < high:
            bars.append(([x, x], [low, high]))
            axes.plot(*bars[-1], color=colour, lw=1.0, alpha=0.4)
        axes.plot(x, mean, "o", color=colour, ms=5)
        at[name] = (x, mean)
        labels.append((x, mean, name, colour))
    line = np.array([at[name] for name in first.front(rows)])
    axes.plot(*line.T, color=GREY, lw=1.2, zorder=0)
    bars.append((list(line[:, 0]), list(line[:, 1])))
    axes.margins(0.09, 0.05)
    axes.grid(lw=0.4, alpha=0.4)
    return labels, bars

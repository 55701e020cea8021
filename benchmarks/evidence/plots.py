"""The plots of docs/evidence.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from benchmarks.ablation.rows import MAIN, load_rows
from benchmarks.evidence.costs import CHEAP, ENOUGH, SCHEDULES, STEPS
from benchmarks.evidence.labels import Label, boxes_along, boxes_of, label_points
from benchmarks.evidence.records import ALL, POOLED
from benchmarks.evidence.small_png import save_small
from benchmarks.evidence.summary import MAIN_COMPARISONS

DPI = 120
DRAWN = "schedule"  # the sweep of draw_schedules
DEAR = 1.3  # x CFG; nothing lies between rows that run the weak branch at every step and the others
Bar = tuple[list[float], list[float]]  # x and y of an interval
BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6b6b6b"  # Okabe-Ito
STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.frameon": False,
}
FOREST = {
    "identity": "identity",
    "identity when seen": "identity, frames that show a face",
    "text match": "text match",
}
SEED_MARKERS = "osD^v<>"
CURVES = {  # sweep: (what it is, colour, marker)
    "text": ("text guidance alone", GREY, "o"),
    "text_and_half": ("and W_i = 0.5", BLUE, "s"),
    "text_and_one": ("and W_i = 1", ORANGE, "D"),
}
KINDS = {
    "window": BLUE,
    "decay": GREEN,
    "reuse": ORANGE,
    "window and reuse": PINK,
    "every step": GREY,
}


def draw_all(
    out: Path,
    summary: pd.DataFrame,
    differences: pd.DataFrame,
    selection: pd.DataFrame,
    costs: pd.DataFrame,
) -> None:
    """``forest.png``, ``pareto.png`` and ``schedules.png``; one for which there is nothing to draw is left out, and named."""
    with mpl.rc_context(STYLE):
        figures = {
            "forest": draw_forest(differences),
            "pareto": draw_pareto(summary, differences),
            "schedules": draw_schedules(costs),
        }
        for name, figure in figures.items():
            if figure is None:
                print(f"left out: {name}.png: nothing to draw", flush=True)
            else:
                save_small(figure, out / f"{name}.png", dpi=DPI)


def draw_forest(differences: pd.DataFrame) -> Figure | None:
    """Differences of the main comparisons: pooled with their intervals, each training seed as a small mark.

    Those that hold the planted effect stand apart, at a scale of their own.
    """
    known = differences[(differences["family"] == MAIN) & (differences["slice"] == ALL)]
    there = set(zip(known["row"], known["against"], strict=True))
    pairs = [pair for pair in MAIN_COMPARISONS if pair in there]
    measures = [m for m in FOREST if m in set(known["measure"])]
    planted = prompts_differ()
    groups = [[p for p in pairs if (p in planted) == which] for which in (False, True)]
    groups = [group for group in groups if group]
    if not groups or not measures:
        return None
    heights = [len(group) + 1 for group in groups]
    figure = Figure(figsize=(10.5, 1.0 + 0.33 * sum(heights)), dpi=DPI, layout="constrained")
    grid = figure.subplots(len(groups), len(measures), squeeze=False, height_ratios=heights)
    for panels, group in zip(grid, groups, strict=True):
        for axes, measure in zip(panels, measures, strict=True):
            _forest_panel(axes, known[known["measure"] == measure], group)
        marks = [" †" if pair in planted else "" for pair in group]
        labels = [f"{a} − {b}{mark}" for (a, b), mark in zip(group, marks, strict=True)]
        panels[0].set_yticks(range(len(group)), labels)
    for axes, measure in zip(grid[0], measures, strict=True):
        axes.set_title(FOREST[measure])
    note = (
        "Paired differences. Filled: pooled over training seeds, with 95 % interval (orange where it holds zero); hollow: each seed.\n"
        "† one side has an enhanced prompt, which opens hidden faces: planted by design, other than in frames that show a face"
    )
    figure.supxlabel(note, fontsize=8, color=GREY)
    return figure


def _forest_panel(axes: Axes, known: pd.DataFrame, pairs: list[tuple[str, str]]) -> None:
    axes.axvline(0, color=GREY, lw=0.8)
    seeds = [s for s in dict.fromkeys(known["seed"]) if s != POOLED]
    for y, (row, against) in enumerate(pairs):
        of = known[(known["row"] == row) & (known["against"] == against)].set_index("seed")
        for i, seed in enumerate(seeds if len(seeds) > 1 else []):
            if seed in of.index:
                marker = SEED_MARKERS[i % len(SEED_MARKERS)]
                x = of.loc[seed, "difference"]
                axes.plot(x, y + 0.28, marker, ms=3.2, mfc="white", mec=GREY, mew=0.7)
        if POOLED in of.index:
            found = of.loc[POOLED]
            colour = ORANGE if found["low"] <= 0 <= found["high"] else BLUE
            axes.plot([found["low"], found["high"]], [y, y], color=colour, lw=1.8)
            axes.plot(found["difference"], y, "o", color=colour, ms=5)
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.set_yticks(range(len(pairs)), [""] * len(pairs))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}".replace("-", "−"))
    axes.grid(axis="x", lw=0.4, alpha=0.5)
    axes.tick_params(axis="y", length=0)


def prompts_differ() -> set[tuple[str, str]]:
    """The comparisons in which only one side has an enhanced prompt."""
    prompts = {row.name: row.variant.prompt for row in load_rows()}
    return {(a, b) for a, b in MAIN_COMPARISONS if prompts.get(a) != prompts.get(b)}


def draw_pareto(summary: pd.DataFrame, differences: pd.DataFrame) -> Figure | None:
    """Identity against text match over text scales, without the identity term and with two weights of it."""
    pooled = summary[(summary["seed"] == POOLED) & (summary["slice"] == ALL)]
    weights = {row.name: row.variant.guidance.text_weight for row in load_rows()}
    figure = Figure(figsize=(7.6, 5.2), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    labels, n = [], 0
    for family, (title, colour, marker) in CURVES.items():
        part = pooled[pooled["family"] == family]
        table = part.pivot_table(index="row", columns="measure", values="mean", sort=False)
        if not {"identity", "text match"} <= set(table.columns):
            continue
        table = table.loc[sorted(table.index, key=lambda name: weights[name])]
        x, y = table["text match"], table["identity"]
        axes.plot(x, y, marker=marker, color=colour, lw=1.2, ms=5, label=title)
        scales = [f"{1 + weights[name]:g}" for name in table.index]
        labels += [(a, b, s, colour) for a, b, s in zip(x, y, scales, strict=True)]
        n = max(n, int(part["n"].max()))
    if not labels:
        return None
    axes.set_xlabel("text match (role, setting, action, facial attributes)")
    axes.set_ylabel("identity")
    axes.set_title(f"Text and likeness over CFG scales (the numbers, 1 + W_c); vace_pe, n = {n}")
    axes.margins(0.1)
    axes.grid(lw=0.4, alpha=0.5)
    legend = axes.legend(loc="best")
    notes = _paired_cross(axes, differences)
    figure.draw_without_rendering()
    curves = [boxes_along(axes, line.get_xdata(), line.get_ydata()) for line in axes.get_lines()]
    label_points(axes, labels, avoid=[boxes_of(legend, *notes), *curves])
    return figure


def _paired_cross(axes: Axes, differences: pd.DataFrame) -> list[Text]:
    """In the corner: how wide the interval of a paired difference between two points typically is."""
    of = differences["family"].isin(list(CURVES)) & (differences["seed"] == POOLED)
    half = (differences["high"] - differences["low"]) / 2
    widths = half[of].groupby(differences.loc[of, "measure"]).median()
    if not {"identity", "text match"} <= set(widths.index):
        return []
    limits = axes.get_xlim(), axes.get_ylim()
    (left, right), (low, high) = limits
    dx, dy = widths["text match"], widths["identity"]
    x, y = left + 0.03 * (right - left) + dx, low + 0.03 * (high - low) + dy
    axes.errorbar(x, y, dy, dx, color="#333333", lw=0.9, capsize=2)
    text = axes.annotate(
        "95 % interval of a paired\ndifference (median)",
        (x + dx, y),
        (6, 0),
        textcoords="offset points",
        fontsize=7.5,
        va="center",
        color="#333333",
    )
    axes.set(xlim=limits[0], ylim=limits[1])
    return [text]


def draw_schedules(costs: pd.DataFrame) -> Figure | None:
    """The identity gain kept against the cost, both of the run that was made; the dear rows in a panel of their own."""
    known = costs[
        (costs["family"] == DRAWN) & (costs["steps"] == STEPS[0]) & (costs["seed"] == POOLED)
    ].dropna(subset="identity_kept")
    if not len(known):
        return None
    known = known.assign(x=list(_apart(known)), kind=[kind_of(name) for name in known["row"]])
    groups = [known[known["x"] <= DEAR], known[known["x"] > DEAR]]
    groups = [group for group in groups if len(group)]
    figure = Figure(figsize=(9.6, 5.6), dpi=DPI, layout="constrained")
    ratios = [5, 1.3][: len(groups)]
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False, width_ratios=ratios)[0]
    labelled = []
    for axes, group in zip(panels, groups, strict=True):
        labelled.append((axes, *_schedule_panel(axes, group)))
    panels[0].axvline(CHEAP, color=GREY, lw=0.8, ls=":")
    panels[0].set_ylabel(f"share of the identity gain of `{SCHEDULES[DRAWN]}` kept")
    panels[0].set_title(f"What cheaper schedules keep ({ENOUGH:.0%} and {CHEAP:.2f} × dotted)")
    what = f"cost of a run of {STEPS[0]} steps, × text guidance alone"
    figure.supxlabel(
        f"{what} (FLOPs, weighted as in VACE-14B; equal costs side by side)", fontsize=9
    )
    shown = [kind for kind in KINDS if kind in set(known["kind"])]
    marks = [Line2D([], [], marker="o", ls="", color=KINDS[kind], label=kind) for kind in shown]
    figure.legend(handles=marks, loc="outside upper center", ncols=len(marks))
    figure.draw_without_rendering()
    for axes, labels, bars in labelled:
        label_points(axes, labels, avoid=[boxes_along(axes, *bar) for bar in bars])
    return figure


def _schedule_panel(axes: Axes, group: pd.DataFrame) -> tuple[list[Label], list[Bar]]:
    """Points and intervals; returns the labels to write and the bars that they should leave free."""
    axes.axhline(ENOUGH, color=GREY, lw=0.8, ls=":")
    bars, labels = [], []
    for row in group.itertuples():
        colour = KINDS[row.kind]
        if np.isfinite(row.low):
            bars.append(([row.x, row.x], [row.low, row.high]))
            axes.plot(*bars[-1], color=colour, lw=1.1, alpha=0.45)
        axes.plot(row.x, row.identity_kept, "o", color=colour, ms=6)
        labels.append((row.x, float(row.identity_kept), str(row.row), colour))
    axes.margins(0.09, 0.05)
    if len(costs := group["x_cfg_flops"].unique()) == 1:
        axes.set_xticks(costs, [f"{cost:.3f}" for cost in costs])
    return labels, bars


def _apart(known: pd.DataFrame, step: float = 0.0025) -> Iterator[float]:
    """Costs, those of equal ones moved aside a little so that their intervals can be told apart."""
    cost = known["x_cfg_flops"].round(4)
    place, total = known.groupby(cost).cumcount(), cost.map(cost.value_counts())
    yield from cost + step * (place - (total - 1) / 2)


def kind_of(name: str) -> str:
    """Which kind of schedule a row of the sweep is."""
    row = next(row for row in load_rows() if row.name == name)
    guidance = row.variant.guidance
    window = (guidance.identity_schedule.start, guidance.identity_schedule.stop) != (0.0, 1.0)
    if guidance.reuse_every > 1:
        return "window and reuse" if window else "reuse"
    if guidance.identity_schedule.decay != "constant":
        return "decay"
    return "window" if window else "every step"

"""The node that draws the curves of sweeps as items; a rerun draws only those whose scores or settings changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.metrics.columns import metric_columns
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.page import render
from tpige_kedro.pipelines.reporting.sweep_panels import (
    HEIGHT,
    WIDTH,
    CurvePanel,
    curve_panels,
    is_logarithmic,
)
from tpige_kedro.pipelines.reporting.sweeps import Sweep, metric_curves, sweeps_of
from tpige_kedro.provenance.code import code_hash, table_hash
from tpige_kedro.schemas import Moe, Variant

COLUMNS, GAP, TITLE, LINE = (
    3,
    16,
    40,
    18,
)  # panels a row; units between, above each, and a line of text
CODE = (
    "pipelines/reporting/sweeps.py",
    "pipelines/reporting/sweep_panels.py",
    "pipelines/reporting/sweep_nodes.py",
    "pipelines/reporting/numbers.py",
    "pipelines/reporting/plot.py",
    "pipelines/reporting/templates/sweep.svg",
    "metrics/resampling.py",
    "metrics/statistics.py",
)


def draw_sweeps(
    declared_scores: DeclaredScores, variants: dict[str, Variant], moe: Moe, seed: int
) -> Work:
    """One SVG picture per sweep, by the name of the swept variant: a panel per metric, means with intervals.

    Returns:
        The work for ``sweep_curves``; no jobs without a sweep.
    """
    scores, declared = declared_scores
    scored = set(scores["variant"])
    specs = [
        (s.name, s.title, s.better)
        for s in map(declared.get, metric_columns(scores))
        if s is not None
    ]
    maker = {"code": code_hash(*CODE)}
    jobs = []
    for sweep in sweeps_of(variants, moe.baseline):
        if scored.isdisjoint(sweep.variants):
            continue
        used = scores[scores["variant"].isin([*sweep.variants, sweep.baseline])]
        mark = fingerprint(
            maker=maker,
            scores=table_hash(used),
            sweep=[sweep.name, sweep.key, list(map(list, _items(sweep))), sweep.baseline],
            metrics=specs,
            settings=[seed, moe.resamples, moe.confidence],
        )
        jobs.append(Job(sweep.name, mark, sweep))

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            curves = metric_curves(job.request, scores, declared, moe, seed)
            yield job, Result(render_sweep(job.request, curve_panels(job.request, curves), moe))

    return Work("sweep_curves", jobs, produce, maker)


def _items(sweep: Sweep) -> Iterator[tuple[str, str, Any]]:
    for name, points in sweep.series.items():
        yield from ((name, variant, value) for variant, value in points.items())


def render_sweep(sweep: Sweep, panels: Sequence[CurvePanel], moe: Moe) -> str:
    """All panels of a sweep in one SVG picture, three in a row, under a legend if there are several curves."""
    legend = next((p.lines for p in panels if len(p.lines) > 1), ())
    top = 30 + LINE * len(legend)
    height = TITLE + HEIGHT + GAP
    placed = [
        (GAP + (i % COLUMNS) * (WIDTH + GAP), top + (i // COLUMNS) * height + TITLE, panel)
        for i, panel in enumerate(panels)
    ]
    return render(
        "sweep.svg",
        sweep=sweep,
        placed=placed,
        legend=legend,
        logarithmic=is_logarithmic(sweep.values),
        percent=f"{100 * moe.confidence:g}",
        line=LINE,
        panel_width=WIDTH,
        panel_height=HEIGHT,
        width=GAP + min(COLUMNS, max(1, len(panels))) * (WIDTH + GAP),
        height=top + -(-len(panels) // COLUMNS) * height + GAP,
    )

"""The tables of the report: variants x metrics, paired differences, wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.metrics.catalog import BESIDE_THE_PAPER, METRICS, OVERALL
from tpige_kedro.metrics.columns import BEST_OF_N, HELD_OUT, MOE, SELECTIONS
from tpige_kedro.metrics.declared import Declared, spec_of
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.best import Bests

SIGNS = {"higher": 1, "lower": -1, "neither": None}  # of what is better
SURE = 0.05  # p after correction up to which a difference is tinted
TITLES = {
    MOE: "MoE selection",
    BEST_OF_N: "Best of n draws",
    HELD_OUT: "MoE, metric held out",
}
NOTES = {
    MOE: "per sample the expert with the highest overall score",
    BEST_OF_N: "the same selection among as many draws of one variant: an equal budget",
    HELD_OUT: "each metric after a selection that did not use it",
}


@dataclass(frozen=True)
class Cell:
    """A mean with its interval over ``n`` of ``of`` samples; ``best`` among the variants.

    ``basis`` is not 0 where the best one was found by the samples that all variants have: how many those are.
    """

    mean: float
    low: float
    high: float
    n: int
    best: bool = False
    of: int = 0
    basis: int = 0


@dataclass(frozen=True)
class TableRow:
    """A variant: its cells by metric name, or why it has none."""

    name: str
    title: str
    note: str
    cells: Mapping[str, Cell]
    absent: str = ""

    def has(self, metrics: Sequence[MetricSpec]) -> bool:
        """Whether there is a cell for any of ``metrics``."""
        return any(metric.name in self.cells for metric in metrics)

    @property
    def n(self) -> str:
        """Over how many samples the means go; a cell that has fewer says so itself."""
        return str(max((cell.n for cell in self.cells.values()), default=0))


@dataclass(frozen=True)
class Difference:
    """What one variant has more than another, on the same samples."""

    difference: float
    low: float
    high: float
    n: int
    p: float
    p_holm: float
    good: bool | None  # the sign is the better one; None where neither is
    sure: bool  # p after Holm's correction is at most 0.05

    @property
    def verdict(self) -> str:
        """What the sign means, as the metric declares it."""
        if self.good is None:
            return "neither direction is better"
        return "equal" if self.difference == 0 else "better" if self.good else "worse"


@dataclass(frozen=True)
class DifferenceRow:
    """A comparison of two variants: differences by metric name."""

    variant: str
    against: str
    cells: Mapping[str, Difference]

    @property
    def title(self) -> str:
        """The variant's name in print."""
        return TITLES.get(self.variant, self.variant)

    @property
    def against_title(self) -> str:
        """The other variant's name in print."""
        return TITLES.get(self.against, self.against)


def metrics_in(summary: pd.DataFrame, declared: Declared = METRICS) -> list[MetricSpec]:
    """The metrics of a summary that have a value, in its order, as their scorers declare them."""
    present = summary[summary["mean"].notna()]
    return [spec_of(name, declared) for name in dict.fromkeys(present["metric"])]


def empty_metrics(summary: pd.DataFrame, declared: Declared = METRICS) -> list[MetricSpec]:
    """The metrics of a summary that no row has a value of; they have no column."""
    present = metrics_in(summary, declared)
    names = dict.fromkeys(summary["metric"])
    return [spec for spec in (spec_of(name, declared) for name in names) if spec not in present]


def published(metrics: Sequence[MetricSpec]) -> list[MetricSpec]:
    """The metrics of the paper's tables, and those that the catalogue does not know; Overall first."""
    further = {spec.name for spec in BESIDE_THE_PAPER}
    found = [metric for metric in metrics if metric.name not in further]
    return sorted(found, key=lambda metric: metric.name != OVERALL.name)


def unpublished(metrics: Sequence[MetricSpec]) -> list[MetricSpec]:
    """The metrics of the catalogue that the paper does not have."""
    given = {metric.name: metric for metric in metrics}
    return [given[spec.name] for spec in BESIDE_THE_PAPER if spec.name in given]


NO_BESTS: Bests = {}


def cells_by_variant(summary: pd.DataFrame, bests: Bests = NO_BESTS) -> dict[str, dict[str, Cell]]:
    """The cells of every variant and selection in the summary, by metric; ``bests`` are marked."""
    samples = int(summary["n"].max()) if len(summary) else 0
    cells: dict[str, dict[str, Cell]] = {}
    for row in summary.to_dict("records"):
        best = bests.get(row["metric"])
        is_best = best is not None and row["variant"] in best.variants
        basis = best.samples if best is not None and is_best and not best.all_same else 0
        cell = Cell(row["mean"], row["low"], row["high"], row["n"], is_best, samples, basis)
        cells.setdefault(row["variant"], {})[row["metric"]] = cell
    return cells


def variant_rows(
    summary: pd.DataFrame, status: pd.DataFrame, bests: Bests = NO_BESTS
) -> list[TableRow]:
    """A row for every variant of the status table in its order, scored or not, then the selections."""
    cells = cells_by_variant(summary, bests)
    rows = []
    for variant in status.to_dict("records"):
        name = variant["variant"]
        skipped = variant["status"] == "skipped"
        why = f"skipped: {variant['reason']}" if skipped else "no clip was scored"
        found = cells.get(name, {})
        rows.append(TableRow(name, name, variant["description"], found, "" if found else why))
    rows += [TableRow(n, TITLES[n], NOTES[n], cells[n]) for n in SELECTIONS if n in cells]
    return rows


def difference_rows(differences: pd.DataFrame, declared: Declared = METRICS) -> list[DifferenceRow]:
    """A row for every comparison, in the table's order."""
    rows: dict[tuple[str, str], dict[str, Difference]] = {}
    for row in differences.to_dict("records"):
        sign = SIGNS[spec_of(row["metric"], declared).better]
        cell = Difference(
            difference=row["difference"],
            low=row["low"],
            high=row["high"],
            n=row["n"],
            p=row["p"],
            p_holm=row["p_holm"],
            good=None if sign is None else row["difference"] * sign > 0,
            sure=row["p_holm"] <= SURE,
        )
        rows.setdefault((row["variant"], row["against"]), {})[row["metric"]] = cell
    return [DifferenceRow(variant, against, cells) for (variant, against), cells in rows.items()]


def wide_table(rows: Sequence[TableRow], metrics: Sequence[MetricSpec]) -> pd.DataFrame:
    """The variants x metrics table in full precision: per metric ``<m>``, ``<m>_low``, ``<m>_high``, ``<m>_n``;
    ``<m>_best`` marks the best variant, ``<m>_better`` says which way is better.
    """
    lines: list[dict[str, Any]] = []
    for row in rows:
        line: dict[str, Any] = {"variant": row.name, "status": row.absent or "scored"}
        for metric in metrics:
            cell = row.cells.get(metric.name)
            numbers = (cell.mean, cell.low, cell.high, cell.n) if cell else (None, None, None, 0)
            values = (*numbers, bool(cell and cell.best), metric.better)
            suffixes = ("", "_low", "_high", "_n", "_best", "_better")
            line |= {f"{metric.name}{s}": v for s, v in zip(suffixes, values, strict=True)}
        lines.append(line)
    return pd.DataFrame(lines)

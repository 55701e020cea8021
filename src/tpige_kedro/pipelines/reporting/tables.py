"""The tables of the report: variants x metrics, paired differences, wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.metrics.catalog import BESIDE_THE_PAPER
from tpige_kedro.metrics.columns import BEST_OF_N, HELD_OUT, MOE, SELECTIONS
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.scores import spec_of

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
    """A mean with its interval over ``n`` samples; ``best`` among the variants."""

    mean: float
    low: float
    high: float
    n: int
    best: bool = False


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
        """Over how many samples the means go: a number, or the range if it differs by metric."""
        counts = {cell.n for cell in self.cells.values()}
        low, high = min(counts, default=0), max(counts, default=0)
        return str(high) if low == high else f"{low}–{high}"


@dataclass(frozen=True)
class Difference:
    """What one variant has more than another, on the same samples."""

    difference: float
    low: float
    high: float
    n: int
    p: float
    p_holm: float
    good: bool  # the sign is the better one
    sure: bool  # p after Holm's correction is at most 0.05


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


def metrics_in(table: pd.DataFrame) -> list[MetricSpec]:
    """The metrics of a summary, in its order."""
    return [spec_of(name) for name in dict.fromkeys(table["metric"])]


def published(metrics: Sequence[MetricSpec]) -> list[MetricSpec]:
    """The metrics of the paper's tables, and those that the catalogue does not know."""
    further = {spec.name for spec in BESIDE_THE_PAPER}
    return [metric for metric in metrics if metric.name not in further]


def unpublished(metrics: Sequence[MetricSpec]) -> list[MetricSpec]:
    """The metrics of the catalogue that the paper does not have."""
    return [spec for spec in BESIDE_THE_PAPER if spec in metrics]


def best_means(summary: pd.DataFrame) -> dict[str, float]:
    """The best mean of each metric among the variants; the selection's own rows don't compete."""
    rows = summary[~summary["variant"].isin(SELECTIONS)]
    means = rows.groupby("metric")["mean"]
    return {
        str(metric): float(
            values.max() if spec_of(str(metric)).better == "higher" else values.min()
        )
        for metric, values in means
    }


def cells_by_variant(summary: pd.DataFrame) -> dict[str, dict[str, Cell]]:
    """The cells of every variant and selection in the summary, by metric."""
    best = best_means(summary)
    cells: dict[str, dict[str, Cell]] = {}
    for row in summary.to_dict("records"):
        competes = row["variant"] not in SELECTIONS
        is_best = competes and row["mean"] == best[row["metric"]]
        cell = Cell(row["mean"], row["low"], row["high"], row["n"], is_best)
        cells.setdefault(row["variant"], {})[row["metric"]] = cell
    return cells


def variant_rows(summary: pd.DataFrame, status: pd.DataFrame) -> list[TableRow]:
    """A row for every variant of the status table in its order, scored or not, then the selections."""
    cells = cells_by_variant(summary)
    rows = []
    for variant in status.to_dict("records"):
        name = variant["variant"]
        skipped = variant["status"] == "skipped"
        why = f"skipped: {variant['reason']}" if skipped else "no clip was scored"
        found = cells.get(name, {})
        rows.append(TableRow(name, name, variant["description"], found, "" if found else why))
    rows += [TableRow(n, TITLES[n], NOTES[n], cells[n]) for n in SELECTIONS if n in cells]
    return rows


def difference_rows(differences: pd.DataFrame) -> list[DifferenceRow]:
    """A row for every comparison, in the table's order."""
    rows: dict[tuple[str, str], dict[str, Difference]] = {}
    for row in differences.to_dict("records"):
        better = 1 if spec_of(row["metric"]).better == "higher" else -1
        cell = Difference(
            difference=row["difference"],
            low=row["low"],
            high=row["high"],
            n=row["n"],
            p=row["p"],
            p_holm=row["p_holm"],
            good=row["difference"] * better > 0,
            sure=row["p_holm"] <= SURE,
        )
        rows.setdefault((row["variant"], row["against"]), {})[row["metric"]] = cell
    return [DifferenceRow(variant, against, cells) for (variant, against), cells in rows.items()]


def wide_table(rows: Sequence[TableRow], metrics: Sequence[MetricSpec]) -> pd.DataFrame:
    """The variants x metrics table in full precision: per metric ``<m>``, ``<m>_low``, ``<m>_high``, ``<m>_n``."""
    lines: list[dict[str, Any]] = []
    for row in rows:
        line: dict[str, Any] = {"variant": row.name, "status": row.absent or "scored"}
        for metric in metrics:
            cell = row.cells.get(metric.name)
            values = (cell.mean, cell.low, cell.high, cell.n) if cell else (None, None, None, 0)
            suffixes = ("", "_low", "_high", "_n")
            line |= {f"{metric.name}{s}": v for s, v in zip(suffixes, values, strict=True)}
        lines.append(line)
    return pd.DataFrame(lines)

"""What all tables, pages and plots show: the scores with the declarations of their metrics, and the variants compared by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from tpige_kedro.metrics.declared import Declared, declared_metrics
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.best import Bests, best_variants
from tpige_kedro.pipelines.reporting.tables import (
    TableRow,
    empty_metrics,
    metrics_in,
    variant_rows,
)
from tpige_kedro.schemas import ModelSpec, Scoring


class DeclaredScores(NamedTuple):
    """The table of all scores, and what its columns are."""

    table: pd.DataFrame
    declared: Declared


@dataclass(frozen=True)
class Comparison:
    """The variants in print: a row each, the metrics that any has a value of, the ``empty`` others, and what is best."""

    rows: Sequence[TableRow]
    metrics: Sequence[MetricSpec]
    empty: Sequence[MetricSpec]
    bests: Bests
    declared: Declared

    @property
    def undecided(self) -> list[MetricSpec]:
        """The metrics in which the variants share too few samples to call one best."""
        known = [m for m in self.metrics if m.better != "neither" and m.name in self.bests]
        return [metric for metric in known if not self.bests[metric.name].variants]

    @property
    def by_common_samples(self) -> bool:
        """Whether any best one was found by the common samples alone."""
        return any(best.variants and not best.all_same for best in self.bests.values())


def declare_scores(
    all_scores: pd.DataFrame, models: dict[str, ModelSpec], scoring: Scoring
) -> DeclaredScores:
    """All scores together with what the configured scorers say that they are."""
    return DeclaredScores(all_scores, declared_metrics(models, scoring))


def compare_in_print(
    variant_summary: pd.DataFrame, variant_status: pd.DataFrame, declared_scores: DeclaredScores
) -> Comparison:
    """The variants with their means; the best of each metric by samples that all have."""
    table, declared = declared_scores
    bests = best_variants(variant_summary, table, declared)
    return Comparison(
        rows=variant_rows(variant_summary, variant_status, bests),
        metrics=metrics_in(variant_summary, declared),
        empty=empty_metrics(variant_summary, declared),
        bests=bests,
        declared=declared,
    )

"""The columns and rows of the score tables: what is a metric, and the rows that the selection adds to the variants."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tpige_kedro.metrics.catalog import METRICS

KEYS = ("sample_id", "variant")
REASON = "_reason"  # suffix of the column that says why a metric is missing
MOE = "moe"  # the selection as a row among the variants
BEST_OF_N = "best_of_n"  # the best of as many draws of one variant as the selection had candidates
HELD_OUT = "moe_held_out"  # each metric m after a selection that did not look at m
SELECTIONS = (MOE, BEST_OF_N, HELD_OUT)  # rows of chosen clips, not of a variant


def metric_columns(scores: pd.DataFrame) -> list[str]:
    """The metrics of a score table: known ones in the catalogue's order, then others as they come."""
    present = [c for c in scores.columns if c not in KEYS and not c.endswith(REASON)]
    numeric = [c for c in present if pd.api.types.is_numeric_dtype(scores[c])]
    return in_order(numeric)


def in_order(metrics: Sequence[str]) -> list[str]:
    """Names of metrics in the catalogue's order, then those that it does not know.

    >>> in_order(["my_metric", "overall", "gme_score"])
    ['gme_score', 'overall', 'my_metric']
    """
    return [c for c in METRICS if c in metrics] + [c for c in metrics if c not in METRICS]


def why_missing(row: pd.Series) -> str:
    """The reasons of a row's missing values, each once; those of the parts rather than of their sum."""
    given = {c: row[c] for c in row.index if str(c).endswith(REASON) and pd.notna(row[c])}
    sum_only = given.pop(f"overall{REASON}", "")
    return "; ".join(dict.fromkeys(str(reason) for reason in given.values())) or str(sum_only)

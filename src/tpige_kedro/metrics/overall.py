"""The paper's overall score, and the means of a table of clips."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tpige_kedro.metrics.protocol import Missing

PAPER_WEIGHTS: Mapping[str, float] = {
    "gme_score": 0.3,
    "cur_score": 0.2,
    "arc_score": 0.2,
    "motion_smoothness": 0.15,
    "imaging_quality": 0.15,
}


def is_missing(value: float | Missing | None) -> bool:
    """Whether a score is absent: no entry, declared missing, or NaN as tables write it."""
    return value is None or isinstance(value, Missing) or math.isnan(value)


def overall(
    values: Mapping[str, float | Missing], weights: Mapping[str, float] = PAPER_WEIGHTS
) -> float | Missing:
    """The weighted sum of the parts, by default ``0.3 GME + 0.2 (Cur + Arc) + 0.15 (Motion + Imaging)``.

    Args:
        values: scores of one clip, or means of a table, by metric name; others than the parts are ignored.
        weights: the parts and their weights.

    Returns:
        The sum (about [0, 1] with the published weights, higher is better), or missing with the parts that it lacks: never a partial sum.

    Source: paper section 3.5; all rows of tables 2-4 follow from it within rounding.
    """
    lacking = [name for name in weights if is_missing(values.get(name))]
    if lacking:
        return Missing(f"no {', '.join(lacking)}")
    return float(sum(weight * values[name] for name, weight in weights.items()))  # type: ignore[operator,misc]  # none is missing


def column_means(rows: Sequence[Mapping[str, float | Missing]]) -> dict[str, float]:
    """The mean of every metric over the clips that have it; a missing value is left out, not counted as zero."""
    names = dict.fromkeys(name for row in rows for name in row)
    means: dict[str, float] = {}
    for name in names:
        present = [float(row[name]) for row in rows if not is_missing(row.get(name))]  # type: ignore[arg-type]  # nor here
        if present:
            means[name] = sum(present) / len(present)
    return means

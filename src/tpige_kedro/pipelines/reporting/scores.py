"""The scores that stand beside a clip, read from the table of all scores once for all samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tpige_kedro.metrics.catalog import FACE_RATE, METRICS, OVERALL, PAPER_METRICS
from tpige_kedro.metrics.columns import REASON, metric_columns
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.numbers import DASH, short


class Score(NamedTuple):
    """One value of one clip; NaN with the reason where it is missing."""

    metric: MetricSpec
    value: float
    reason: str


class ScoreRow(NamedTuple):
    """The scores of one clip in print order (None: missing), and why any metric is missing, also those that are not printed."""

    sample_id: str
    variant: str
    metrics: Sequence[MetricSpec]
    values: Sequence[float | None]
    reasons: Mapping[str, str]
    is_scored: bool  # whether any value is there; a row without one only says why

    def scores(self) -> list[Score]:
        """Every value with its metric and, where it is missing, the reason."""
        return [
            Score(spec, math.nan if value is None else value, self.reasons.get(spec.name, ""))
            for spec, value in zip(self.metrics, self.values, strict=True)
        ]


def spec_of(metric: str) -> MetricSpec:
    """The specification of a metric; of one that the catalogue does not know, its name is all there is."""
    unknown = MetricSpec(metric, metric, float("-inf"), float("inf"), "higher", "")
    return METRICS.get(metric, unknown)


def clip_metrics(scores: pd.DataFrame) -> list[str]:
    """The metrics printed beside a clip: overall first, the published ones, how often a face is seen, unknown ones."""
    first = [OVERALL, *PAPER_METRICS, FACE_RATE]
    known = dict.fromkeys(spec.name for spec in first)
    present = metric_columns(scores)
    return [n for n in known if n in present] + [n for n in present if n not in METRICS]


def score_rows(scores: pd.DataFrame) -> list[ScoreRow]:
    """The rows of the table of all scores, in its order."""
    specs = tuple(spec_of(name) for name in clip_metrics(scores))
    values = scores[[spec.name for spec in specs]].to_numpy(dtype=float)
    missing = np.isnan(values)
    lines = np.array(values, dtype=object)
    lines[missing] = None
    reasons = _reasons(scores)
    columns = zip(
        scores["sample_id"].tolist(),
        scores["variant"].tolist(),
        lines.tolist(),
        (~missing.all(axis=1)).tolist(),
        strict=True,
    )
    return [
        ScoreRow(sample, variant, specs, line, reasons.get(place, {}), scored)
        for place, (sample, variant, line, scored) in enumerate(columns)
    ]


def _reasons(scores: pd.DataFrame) -> dict[int, dict[str, str]]:
    """Why metrics are missing, by row and metric; most rows have no reason, and are not looked at."""
    given = [str(column) for column in scores.columns if str(column).endswith(REASON)]
    metrics = [column.removesuffix(REASON) for column in given]
    texts = scores[given]
    places = np.flatnonzero(texts.notna().to_numpy().any(axis=1)).tolist()
    lines = texts.iloc[places].to_numpy(dtype=object).tolist()
    return {
        place: {m: text for m, text in zip(metrics, line, strict=True) if isinstance(text, str)}
        for place, line in zip(places, lines, strict=True)
    }


def by_sample(rows: Iterable[ScoreRow]) -> dict[str, list[ScoreRow]]:
    """The rows of each sample, in the order of ``rows``."""
    found: dict[str, list[ScoreRow]] = {}
    for row in rows:
        found.setdefault(row.sample_id, []).append(row)
    return found


def score_line(row: ScoreRow) -> str:
    """Scores as one line of text.

    >>> score_line(ScoreRow("s1", "vace", (OVERALL, FACE_RATE), (0.6134, None), {}, True))
    'Overall 0.613 · Face rate –'
    """
    pairs = zip(row.metrics, row.values, strict=True)
    return " · ".join(f"{m.title} {DASH if v is None else short(v)}" for m, v in pairs)


def why_unscored(row: ScoreRow) -> str:
    """The reasons of a row without scores, each once; those of the parts rather than of their sum."""
    parts = {metric: reason for metric, reason in row.reasons.items() if metric != OVERALL.name}
    return "; ".join(dict.fromkeys((parts or row.reasons).values()))

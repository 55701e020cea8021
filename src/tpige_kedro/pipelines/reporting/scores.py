"""The scores shown beside a clip, read from the table of all scores once for all samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tpige_kedro.metrics.catalog import FACE_RATE, METRICS, OVERALL, PAPER_METRICS
from tpige_kedro.metrics.columns import REASON, metric_columns
from tpige_kedro.metrics.declared import Declared, spec_of
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


def clip_metrics(scores: pd.DataFrame) -> list[str]:
    """The metrics printed beside a clip: overall first, the published ones, how often a face is seen, then those of
    one's own scorers; without those that no clip has.
    """
    first = [OVERALL, *PAPER_METRICS, FACE_RATE]
    known = dict.fromkeys(spec.name for spec in first)
    present = [name for name in metric_columns(scores) if scores[name].notna().any()]
    return [n for n in known if n in present] + [n for n in present if n not in METRICS]


def clip_specs(scores: pd.DataFrame, declared: Declared = METRICS) -> tuple[MetricSpec, ...]:
    """The declarations of the metrics printed beside a clip."""
    return tuple(spec_of(name, declared) for name in clip_metrics(scores))


def score_rows(scores: pd.DataFrame, declared: Declared = METRICS) -> list[ScoreRow]:
    """The rows of the table of all scores, in its order, each value with the declaration of its metric."""
    specs = clip_specs(scores, declared)
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


def ranks(rows: Sequence[ScoreRow]) -> dict[str, dict[str, int]]:
    """The rank of each value among the clips of a sample, by variant and metric: 1 is best, equal values share theirs.

    0 where there is no value, or where neither direction is better.

    >>> rows = [
    ...     ScoreRow("s1", name, (OVERALL,), (v,), {}, True) for name, v in (("a", 0.5), ("b", 0.7))
    ... ]
    >>> ranks(rows)
    {'a': {'overall': 2}, 'b': {'overall': 1}}
    """
    found: dict[str, dict[str, int]] = {row.variant: {} for row in rows}
    for place, spec in enumerate(rows[0].metrics if rows else ()):
        sign = {"higher": 1, "lower": -1}.get(spec.better)
        values = [row.values[place] for row in rows]
        for row, value in zip(rows, values, strict=True):
            if sign is None or value is None:
                found[row.variant][spec.name] = 0
                continue
            better = [v for v in values if v is not None and sign * (v - value) > 0]
            found[row.variant][spec.name] = 1 + len(better)
    return found

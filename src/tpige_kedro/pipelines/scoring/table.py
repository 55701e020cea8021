"""The scores of all clips as one table: the parts of all scorers side by side, and the overall score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import Items
from tpige_kedro.metrics.columns import KEYS, REASON, in_order
from tpige_kedro.metrics.overall import overall
from tpige_kedro.metrics.protocol import Missing
from tpige_kedro.schemas import Scoring

OVERALL = "overall"


def tabulate_scores(
    checked_samples: pd.DataFrame, clips: Items, clip_scores: Items, scoring: Scoring
) -> pd.DataFrame:
    """One row per variant with clips and sample: every metric, ``overall``, and ``<metric>_reason`` where a value is missing.

    A sample without a score of its present clip has a row of missing values; a variant without clips has no rows.
    """
    samples = list(checked_samples["sample_id"])
    found = {
        (sample, variant): scores_of(f"{variant}/{sample}", sample in made, clip_scores, scoring)
        for variant, made in clips.by_group().items()
        for sample in samples
    }
    seen = dict.fromkeys([*scoring.overall, *(m for f in found.values() for m in f["values"])])
    metrics = in_order([*seen, OVERALL])
    columns = [*KEYS, *metrics, *(f"{metric}{REASON}" for metric in metrics)]
    rows = [score_row(key, record, list(seen), scoring) for key, record in found.items()]
    table = pd.DataFrame(rows, columns=columns)
    reasons = {c: object for c in columns if c.endswith(REASON)}
    return table.astype({**dict.fromkeys(metrics, float), **reasons})


def scores_of(key: str, has_clip: bool, clip_scores: Items, scoring: Scoring) -> dict[str, Any]:
    """``values`` and ``reasons`` of all scorers' parts for one clip, and why others are ``lacking``."""
    merged: dict[str, Any] = {"values": {}, "reasons": {}, "lacking": "no clip"}
    if not has_clip:
        return merged
    parts = clip_scores[key].load() if key in clip_scores else {}
    found = [parts[name] for name in scoring.scorers if name in parts]
    for part in found:
        merged["values"] |= part["values"]
        merged["reasons"] |= part["reasons"]
    complete = len(found) == len(scoring.scorers)
    merged["lacking"] = "not computed by the scorers" if complete else "scoring failed"
    return merged


def score_row(
    key: tuple[str, str], record: Mapping[str, Any], metrics: Sequence[str], scoring: Scoring
) -> dict[str, Any]:
    """A row of the score table. ``overall`` follows the weights of ``scoring``; with a part missing it is missing."""
    values: dict[str, float | Missing] = {}
    for metric in metrics:
        value = record["values"].get(metric)
        reason = record["reasons"].get(metric, record["lacking"])
        values[metric] = Missing(reason) if value is None else value
    values[OVERALL] = overall(values, scoring.overall)
    row: dict[str, Any] = dict(zip(KEYS, key, strict=True))
    for metric, value in values.items():
        missing = isinstance(value, Missing)
        row[metric] = math.nan if missing else value
        row[f"{metric}{REASON}"] = value.reason if isinstance(value, Missing) else None
    return row

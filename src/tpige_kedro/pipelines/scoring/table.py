"""The scores of one variant as a table: the records of all scorers side by side, and the overall score."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from tpige_kedro.metrics.overall import overall
from tpige_kedro.metrics.protocol import Missing
from tpige_kedro.pipelines.partitions import Records
from tpige_kedro.pipelines.scoring.jobs import clip_mark, score_key
from tpige_kedro.schemas import Scoring


def score_table(name: str) -> Callable[..., pd.DataFrame]:
    """The node function that tabulates the scores of the variant ``name``."""

    def tabulate_scores(
        samples: pd.DataFrame, records: Records, score_records: Records, scoring: Scoring
    ) -> pd.DataFrame:
        """One row per sample: every metric, ``overall``, and ``<metric>_reason`` where a value is missing.

        A sample without a score of its present clip has a row of missing values; a variant without clips has no rows.
        """
        found = {
            s: valid_scores(s, records, score_records, scoring.scorers)
            for s in samples["sample_id"]
        }
        metrics = list(
            dict.fromkeys([*scoring.overall, *(m for f in found.values() for m in f["values"])])
        )
        columns = [
            "sample_id",
            "variant",
            *(c for m in [*metrics, "overall"] for c in (m, f"{m}_reason")),
        ]
        rows = [
            score_row(sample, name, record, metrics, scoring) for sample, record in found.items()
        ]
        table = pd.DataFrame(rows if records else [], columns=columns)
        numbers = dict.fromkeys([*metrics, "overall"], float)
        return table.astype({**numbers, **{c: object for c in columns if c.endswith("_reason")}})

    return tabulate_scores


def valid_scores(
    sample: str, records: Records, score_records: Records, scorers: Sequence[str]
) -> dict[str, Any]:
    """``values`` and ``reasons`` of all scorers' records of the clip that is there, and why others are ``lacking``."""
    merged: dict[str, Any] = {"values": {}, "reasons": {}, "lacking": "no clip"}
    if sample not in records:
        return merged
    clip = clip_mark(records[sample]())
    loads = (score_records.get(score_key(scorer, sample)) for scorer in scorers)
    found = [record for load in loads if load and (record := load())["clip"] == clip]
    for record in found:
        merged["values"] |= record["values"]
        merged["reasons"] |= record["reasons"]
    complete = len(found) == len(scorers)
    merged["lacking"] = "not computed by the scorers" if complete else "scoring failed"
    return merged


def score_row(
    sample: str, variant: str, record: Mapping[str, Any], metrics: Sequence[str], scoring: Scoring
) -> dict[str, Any]:
    """A row of the score table. ``overall`` follows the weights of ``scoring``; with a part missing it is missing."""
    values: dict[str, float | Missing] = {}
    for metric in metrics:
        value = record["values"].get(metric)
        reason = record["reasons"].get(metric, record["lacking"])
        values[metric] = Missing(reason) if value is None else value
    values["overall"] = overall(values, scoring.overall)
    row: dict[str, Any] = {"sample_id": sample, "variant": variant}
    for metric, value in values.items():
        missing = isinstance(value, Missing)
        row[metric] = math.nan if missing else value
        row[f"{metric}_reason"] = value.reason if isinstance(value, Missing) else None
    return row

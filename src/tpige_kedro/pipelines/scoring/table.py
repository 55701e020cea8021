"""The scores of all clips as one table: the parts of all scorers side by side, and the overall score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tpige_kedro.datasets.items import Items
from tpige_kedro.metrics.columns import KEYS, REASON, in_order
from tpige_kedro.metrics.declared import given_by
from tpige_kedro.metrics.overall import overall
from tpige_kedro.metrics.protocol import Missing
from tpige_kedro.schemas import ModelSpec, Scoring

OVERALL = "overall"
NO_MODELS: Mapping[str, ModelSpec] = {}


def tabulate_scores(
    checked_samples: pd.DataFrame,
    clips: Items,
    clip_scores: Items,
    scoring: Scoring,
    models: Mapping[str, ModelSpec] = NO_MODELS,
) -> pd.DataFrame:
    """One row per variant with clips and sample: every metric, ``overall``, and ``<metric>_reason`` where a value is missing.

    A sample without a score of its present clip has a row of missing values; a variant without clips has no rows. The metrics of
    a scorer that the run goes on without are missing, with the reason.
    """
    left_out = {
        n: models[n].unavailable for n in scoring.scorers if n in models and models[n].unavailable
    }
    absent = {
        metric.name: why for name, why in left_out.items() for metric in given_by(models[name])
    }
    active = [name for name in scoring.scorers if name not in left_out]
    samples = list(checked_samples["sample_id"])
    rows = [
        (sample, variant, scores_of(f"{variant}/{sample}", sample in made, clip_scores, active))
        for variant, made in clips.by_group().items()
        for sample in samples
    ]
    keys = {KEYS[0]: [row[0] for row in rows], KEYS[1]: [row[1] for row in rows]}
    found = [row[2] for row in rows]
    seen = dict.fromkeys([*scoring.overall, *(m for record in found for m in record.values)])
    columns = {metric: [record.score(metric) for record in found] for metric in seen}
    columns |= {metric: [Missing(why)] * len(found) for metric, why in absent.items()}
    columns[OVERALL] = [
        overall({m: columns[m][i] for m in scoring.overall}, scoring.overall)
        for i in range(len(found))
    ]
    table = pd.DataFrame(keys, columns=list(KEYS))
    metrics = in_order(list(columns))
    values = {m: pd.Series(map(number, columns[m]), dtype=float) for m in metrics}
    reasons = {f"{m}{REASON}": pd.Series(map(reason, columns[m]), dtype=object) for m in metrics}
    return table.assign(**values, **reasons)


@dataclass(frozen=True, slots=True)
class Scores:
    """The parts of all scorers for one clip, and why other metrics are ``lacking``."""

    values: Mapping[str, float | None]
    reasons: Mapping[str, str]
    lacking: str

    def score(self, metric: str) -> float | Missing:
        """A value, or the reason that there is none."""
        value = self.values.get(metric)
        return Missing(self.reasons.get(metric, self.lacking)) if value is None else value


def number(score: float | Missing) -> float:
    """The value, NaN where it is missing."""
    return math.nan if isinstance(score, Missing) else score


def reason(score: float | Missing) -> str | None:
    """Why a value is missing, None where it is not."""
    return score.reason if isinstance(score, Missing) else None


def scores_of(key: str, has_clip: bool, clip_scores: Items, scorers: Sequence[str]) -> Scores:
    """The parts of ``scorers`` for one clip, those of other scorers left out."""
    if not has_clip:
        return Scores({}, {}, "no clip")
    parts = clip_scores[key].load() if key in clip_scores else {}
    found = [parts[name] for name in scorers if name in parts]
    values = {metric: value for part in found for metric, value in part["values"].items()}
    reasons = {metric: text for part in found for metric, text in part["reasons"].items()}
    complete = len(found) == len(scorers)
    return Scores(values, reasons, "not computed by the scorers" if complete else "scoring failed")

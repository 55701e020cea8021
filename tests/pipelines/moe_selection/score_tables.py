"""Score tables and settings that the tests of the selection share."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from tpige_kedro.metrics.columns import REASON, metric_columns
from tpige_kedro.metrics.overall import PAPER_WEIGHTS, overall
from tpige_kedro.schemas import Moe, Scoring

NAN = math.nan
NO_SETS = pd.DataFrame(columns=["variant", "n"])
SETTINGS = Moe(experts=("a", "b"), baseline="a", comparisons=(("control", "b"),), resamples=500)
SCORING = Scoring(scorers=("x",), overall=dict(PAPER_WEIGHTS))


def samples(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"sample_id": list(ids)})


def texts(column: pd.Series) -> list[str | None]:
    return [value if isinstance(value, str) else None for value in column]


def rows(variant: str, reason: str = "no face in any frame", **values: float) -> pd.DataFrame:
    """Overall scores by sample, NaN with a reason."""
    table = pd.DataFrame(
        {"sample_id": list(values), "variant": variant, "overall": list(values.values())}
    )
    table["overall_reason"] = [reason if math.isnan(v) else None for v in table["overall"]]
    return table


def random_scores(variant: str, count: int = 12, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng([seed, *variant.encode()])
    table = pd.DataFrame({"sample_id": [f"s{i}" for i in range(count)], "variant": variant})
    for name in PAPER_WEIGHTS:
        table[name] = generator.uniform(0, 1, count)
        table[f"{name}_reason"] = None
    table["overall"] = [overall(row) for row in table[list(PAPER_WEIGHTS)].to_dict("records")]
    table["overall_reason"] = None
    table["face_rate"] = 1.0
    table["face_rate_reason"] = None
    return table


def joined(*tables: pd.DataFrame) -> pd.DataFrame:
    """The table of all scores, as the scoring stage writes it: a metric that a variant lacks is missing with a reason."""
    table = pd.concat(tables, ignore_index=True)
    for metric in metric_columns(table):
        reason = f"{metric}{REASON}"
        unexplained = table[metric].isna() & table[reason].isna()
        table[reason] = table[reason].astype(object).mask(unexplained, "not scored")
    return table


def raw_parameters() -> dict:
    raw: dict = {}
    for file in sorted((Path(__file__).parents[3] / "conf" / "base").glob("parameters*.yml")):
        raw |= yaml.safe_load(file.read_text())
    return raw

"""Bounds of the regression guard from the spread between pairs, and how surely the guard tells a broken product by them.

Run: ``python -m benchmarks.guard.bounds`` after the mini models or the guidance of conf/base changed. It makes the guard's
clips for other people, which takes minutes on two cores, prints what it found, and writes ``tests/evidence/bounds.json``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from benchmarks.ablation.run import ROOT
from benchmarks.guard.checks import OPENS, Columns, columns, replaced, statistics, with_mutant
from benchmarks.guard.clips import (
    CONTROL,
    FLIPPED,
    GUARD,
    GUIDED,
    IGNORED,
    JOBS,
    Setting,
    judged_clips,
)
from tpige_kedro.pipelines.moe_selection import candidates

FILE = ROOT / "tests" / "evidence" / "bounds.json"
FALSE_ALARM = 0.005  # of one check
RESAMPLES = 4000
SHUFFLES = 20
SHUFFLED, NO_PE, NO_GE = "selection by a shuffled score", "PE does nothing", "GE does nothing"


class ShuffledChoice:
    """In place of ``best_variants``: the scores of a sample are dealt to its candidates at random."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self.choose = candidates.best_variants

    def __call__(self, table: pd.DataFrame) -> pd.Series:
        dealt = self.generator.permuted(table.to_numpy(float), axis=1)
        return self.choose(pd.DataFrame(dealt, table.index, table.columns))


def shuffled_columns(clips: pd.DataFrame, seed: int) -> Columns:
    """The columns of the checks where the selection looks at a shuffled score."""
    with patch.object(candidates, "best_variants", ShuffledChoice(seed)):
        return columns(clips)


def draws(hides: NDArray[Any], n: int, resamples: int, seed: int) -> list[NDArray[Any]]:
    """Rows of ``resamples`` sets of ``n`` pairs, with replacement, half of them in face-hiding roles as in the guard."""
    generator = np.random.default_rng(seed)
    kinds = [np.flatnonzero(hides), np.flatnonzero(~hides)]
    parts = [generator.choice(rows, (resamples, n // 2)) for rows in kinds]
    return list(np.concatenate(parts, axis=1))


def values_at(found: Columns, rows: list[NDArray[Any]]) -> pd.DataFrame:
    """The value of every check for each set of pairs."""
    return pd.DataFrame([statistics(found, part) for part in rows])


def bounds_at(values: pd.DataFrame, n: int, measured: int, false_alarm: float) -> pd.DataFrame:
    """Mean, standard deviation at ``n`` pairs and bound of every check.

    The bound is the lower limit of a prediction interval: mean - t sd sqrt(1 + n / measured), t the quantile of Student's
    distribution with measured - 2 degrees of freedom (two kinds of roles), for the mean over n new pairs is uncertain and so is the one measured.
    """
    half = measured // 2  # a resample has the variance divided by half, not half - 1
    spread = values.std() * np.sqrt(half / (half - 1))
    if OPENS in spread:
        spread[OPENS] = max(spread[OPENS], _spread_of_share(values[OPENS].mean(), n // 2, half))
    quantile = t.ppf(1 - false_alarm, measured - 2)
    bound = values.mean() - quantile * spread * np.sqrt(1 + n / measured)
    alarms = (values < bound).mean()
    return pd.DataFrame({"mean": values.mean(), "sd": spread, "bound": bound, "alarms": alarms})


def _spread_of_share(share: float, n: int, measured: int) -> float:
    """At least so much does a share of ``n`` clips vary, even if all ``measured`` clips were alike (Laplace's rule)."""
    expected = (share * measured + 1) / (measured + 2)
    return float(np.sqrt(expected * (1 - expected) / n))


def broken_values(clips: pd.DataFrame, rows: list[NDArray[Any]]) -> dict[str, pd.DataFrame]:
    """For every way to break the product, the values of the checks."""
    whole = with_mutant(clips, "")
    broken = {
        FLIPPED: columns(with_mutant(clips, FLIPPED)),
        IGNORED: columns(with_mutant(clips, IGNORED)),
        NO_PE: columns(replaced(whole, "vace_pe", by="vace")),
        NO_GE: columns(replaced(whole, GUIDED, by=CONTROL)),
    }
    found = {name: values_at(content, rows) for name, content in broken.items()}
    part = len(rows) // SHUFFLES
    found[SHUFFLED] = pd.concat(
        values_at(shuffled_columns(whole, seed), rows[seed * part : (seed + 1) * part])
        for seed in range(SHUFFLES)
    )
    return found


def derive(clips: pd.DataFrame, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bounds at ``n`` pairs, and the power: a row per broken product, the shares of sets that fail each check and any."""
    hides = clips.groupby("sample_id")["hides"].first().to_numpy(bool)
    rows = draws(hides, n, RESAMPLES, seed=n)
    whole = values_at(columns(with_mutant(clips, "")), rows)
    bounds = bounds_at(whole, n, len(hides), FALSE_ALARM)
    failed = {"none": whole < bounds["bound"]}
    failed |= {name: v < bounds["bound"] for name, v in broken_values(clips, rows).items()}
    power = {name: {**f.mean(), "any": f.any(axis=1).mean()} for name, f in failed.items()}
    return bounds, pd.DataFrame(power).T


def as_json(bounds: pd.DataFrame, power: pd.DataFrame, measured: Setting, commit: str) -> str:
    """What the guard reads, and how it came about."""
    content = {
        "made for": {k: v for k, v in asdict(GUARD).items() if k not in ("seed", "device")},
        "measured on": {**asdict(measured), "commit": commit},
        "false alarm of one check": FALSE_ALARM,
        "checks": bounds.round(5).to_dict("index"),
        "share of sets that fail": power.round(4).to_dict("index"),
    }
    return json.dumps(content, indent=2) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument("--seed", type=int, default=82_000, help="of people, scenes and noise")
    parser.add_argument("--batch", type=int, default=GUARD.batch)
    parser.add_argument("--device", default="cpu", help="cuda: with --processes 1")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--clips", type=Path, help="a table of judged clips: read, or else written")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--commit", default="not recorded")
    options = parser.parse_args()
    if options.seed == GUARD.seed:
        parser.error("the guard's own people cannot tell how much others differ from them")
    measured = Setting(options.seed, options.pairs, GUARD.steps, options.batch, options.device)
    if options.clips and options.clips.exists():
        clips = pd.read_csv(options.clips, keep_default_na=False, na_values=["nan"])
    else:
        clips = judged_clips(JOBS, measured, options.processes)
        if options.clips:
            clips.to_csv(options.clips, index=False, na_rep="nan")
    for n in sorted({8, 12, 16, 24, GUARD.pairs}):
        bounds, power = derive(clips, n)
        print(f"\nn = {n}\n{bounds.round(4).to_string()}\n{power.T.round(3).to_string()}")
        if n == GUARD.pairs:
            options.out.write_text(as_json(bounds, power, measured, options.commit))


if __name__ == "__main__":
    main()

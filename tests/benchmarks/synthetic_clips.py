"""Records like those of benchmarks/ablation/run.py with known effects, for the tests of what is made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.ablation.rows import DECODED, MAIN, TRUTH, Row, load_rows, rows_to_make
from tpige_kedro.metrics.overall import PAPER_WEIGHTS

SEEDS, ALL_SAMPLES, FIRST = (0, 1), 200, 80  # of the fixture `out`
MISSING = ("phantom_pe", "reuse_8")  # from it
PE, IE = 0.03, -0.04  # what prompt and reference enhancement do to identity where a face is seen
OPENED = 0.3  # identity over all frames that opening hidden faces adds, on average
GE_PER_UNIT, TEXT_PER_UNIT = 0.04, -0.015  # of W_i where it is on at every step, and of W_c
NOISE = 0.02


def share_kept(row: Row) -> float:
    """How much of the identity term's gain a schedule keeps in this made-up world."""
    schedule = row.variant.guidance.identity_schedule
    kept = {"constant": 1.0, "linear": 0.6, "cosine": 0.7, "exponential": 0.5}[schedule.decay]
    return (
        kept
        * (schedule.stop - schedule.start) ** 0.5
        * 0.98 ** (row.variant.guidance.reuse_every - 1)
    )


def identity_level(row: Row) -> float:
    """The mean of ``identity when seen`` of a row."""
    v, g = row.variant, row.variant.guidance
    level = 0.6 if v.generator == "mini_vace" else 0.45
    level += PE * (v.prompt == "enhanced") + IE * (v.reference == "enhanced")
    return (
        level
        + TEXT_PER_UNIT * (g.text_weight - 1)
        + GE_PER_UNIT * g.identity_weight * share_kept(row)
    )


def made_clips(row: Row, seed: int, ids: np.ndarray, hides: np.ndarray) -> dict[str, np.ndarray]:
    """The measures of a row's clips; the sample's and the seed's share of each is the same for all rows."""
    n, v = len(ids), row.variant
    shared = np.random.default_rng([1, seed]).normal(0, 0.1, 2000)[:n] + 0.01 * seed
    own = np.random.default_rng([2, seed, *row.name.encode()])
    seen = identity_level(row) + shared + own.normal(0, NOISE, n)
    opens = (v.prompt == "enhanced") | ~hides | (own.random(n) < 0.1)
    text = 0.8 + 0.02 * (v.reference == "enhanced") + 0.05 * (1 - np.exp(-v.guidance.text_weight))
    text += 0.05 * (v.prompt == "enhanced")
    scores = {
        "identity": np.where(opens, seen, 0.0),
        "identity when seen": np.where(opens, seen, np.nan),
        "face seen": opens.astype(float),
        "role right": np.ones(n),
        "attributes right": opens * (0.7 + own.normal(0, 0.1, n)),
        "text match": text + shared / 10 + own.normal(0, NOISE, n),
        "gme_score": 0.55 + own.normal(0, 0.01, n),
        "cur_score": np.where(opens, seen + own.normal(0, NOISE, n), 0.0).clip(0),
        "arc_score": np.where(opens, seen + 0.1 + own.normal(0, NOISE, n), 0.0).clip(0),
        "face_feature_sqdist": 200 - 100 * seen,
        "motion_smoothness": 0.99 + own.normal(0, 0.001, n),
        "imaging_quality": 0.67 + own.normal(0, 0.01, n),
    }
    return scores | {"overall": sum(w * scores[m] for m, w in PAPER_WEIGHTS.items())}


def clips(
    seeds: list[int], main: int = 200, sweep: int = 80, without: tuple[str, ...] = ()
) -> pd.DataFrame:
    """All rows of ablation.yml but those in ``without``: ``main`` samples each, rows of the sweeps the first ``sweep``."""
    rows = [row for row in rows_to_make(load_rows()) if row.name not in without]
    named = [(row.name, row, main if row.family == MAIN else sweep) for row in rows]
    best = next(row for row in load_rows() if row.name == "vace_pe_ge_tuned")
    named += [(name, best, main) for name in (TRUTH, DECODED)]
    every = np.arange(main)
    parts = []
    for seed in seeds:
        for name, row, n in named:
            ids, hides = every[:n], every[:n] % 2 == 0
            part = pd.DataFrame(made_clips(row, seed, ids, hides))
            part.insert(0, "seed", seed)
            part.insert(1, "made_as", name)
            part.insert(2, "sample_id", [f"s{i:04d}" for i in ids])
            part.insert(3, "slice", np.where(ids % 4 < 2, "people", "combinations"))
            part.insert(4, "hides", hides)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def table(out: Path, name: str) -> pd.DataFrame:
    """A file that the command wrote."""
    return pd.read_csv(out / f"{name}.csv.gz", dtype={"seed": str})


def difference(out: Path, row: str, against: str, measure: str, seed: str = "pooled") -> pd.Series:
    """One paired difference of it."""
    found = table(out, "differences").query(
        "row == @row and against == @against and measure == @measure and seed == @seed and slice == 'all'"
    )
    return found.iloc[0]

"""The clips of benchmarks/ablation/run.py as arrays: what is there, under which names, and what is missing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.ablation.rows import DECODED, MAIN, TRUTH, Row, load_rows
from benchmarks.evidence.statistics import Array

LABELS = ["seed", "made_as", "sample_id", "slice", "hides"]
ALL, POOLED = "all", "pooled"
HIDING = "face-hiding"  # the slice of the roles that may hide a face
OPEN = "open-faced"  # and of those that never do
# made here where the clips lack them: matches with the text that can fail
ALL_RIGHT, WHEN_SEEN = "all right", "attributes right when seen"
DERIVED = (ALL_RIGHT, WHEN_SEEN)
SCENE = ("role right", "setting right", "action right")
EVERY = 0.999  # of the attributes: all but the rounding of the records


@dataclass
class Records:
    """Every clip's measures, by the name its row was made as: ``values[made_as]`` is (seeds, samples, measures), NaN where missing."""

    seeds: list[int]
    samples: list[str]
    measures: list[str]
    slices: dict[str, np.ndarray]  # name: which samples are in it
    values: dict[str, Array]
    rows: list[Row]
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.made_as = {row.name: row.made_as for row in self.rows}

    def of(self, name: str) -> Array | None:
        """The measures (seeds, samples, measures) of a row by any of its names; ``None``, with a note, if nobody made it."""
        made = self.made_as.get(name, name)
        if made not in self.values:
            self.note(f"row {name}: no clips{'' if made == name else f' (made as {made})'}")
            return None
        return self.values[made]

    def note(self, text: str) -> None:
        """Say once what was left out."""
        if text not in self.notes:
            self.notes.append(text)
            print(f"left out: {text}", flush=True)

    def measure(self, name: str) -> int | None:
        """The column of a measure, or ``None`` if the records lack it."""
        return self.measures.index(name) if name in self.measures else None

    def family(self, name: str) -> list[Row]:
        """The rows of a family that have clips."""
        return [row for row in self.rows if row.family == name and self.of(row.name) is not None]

    def families(self) -> list[str]:
        """The sweeps, in order."""
        return list(dict.fromkeys(row.family for row in self.rows if row.family != MAIN))

    def shared_clips(self, names: list[str]) -> np.ndarray:
        """Of which samples of which seeds (S, N) all of these rows have a clip, so that rows made on more of them compare."""
        there = np.ones((len(self.seeds), len(self.samples)), bool)
        for name in names:
            clips = self.of(name)
            if clips is not None:
                there &= np.isfinite(clips).any(axis=2)
        return there


def with_pooled(values: Array) -> Array:
    """(S, ...) of the training seeds, and behind them their mean over the seeds that have a value: (S + 1, ...).

    The mean is taken within each sample, which is what is resampled; it weighs as :func:`seed_weights` says.
    """
    present = np.isfinite(values)
    sums, counts = np.where(present, values, 0.0).sum(0), present.sum(0)
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return np.concatenate([values, mean[None]])


def seed_weights(pooled: Array) -> Array:
    """The weights of what :func:`with_pooled` returns: 1 where there is a value; of the mean, the share of the seeds that have one.

    So the pooled mean lies among those of the seeds, also where some clips lack the measure: a sample whose face one generator
    shows does not count as much as one whose face all show.
    """
    present = np.isfinite(pooled[:-1]).astype(float)
    return np.concatenate([present, present.mean(axis=0, keepdims=True)])


def seed_names(records: Records) -> list[str]:
    """How the entries of :func:`with_pooled` are called."""
    return [*map(str, records.seeds), POOLED]


def spread(seed_means: Array) -> dict[str, float]:
    """How far the training seeds (S,) lie apart: standard deviation, least and largest; NaN for what one seed cannot say."""
    there = seed_means[np.isfinite(seed_means)]
    if not len(there):
        return dict.fromkeys(("seeds_sd", "seeds_min", "seeds_max"), np.nan) | {"seeds": 0}
    sd = float(there.std(ddof=1)) if len(there) > 1 else np.nan
    return {"seeds": len(there), "seeds_sd": sd, "seeds_min": there.min(), "seeds_max": there.max()}


def load(folder: Path) -> Records:
    """The records of all ``clips_seed<k>.parquet`` in ``folder``. Raises ``FileNotFoundError`` if there are none."""
    files = sorted(folder.glob("clips_seed*.parquet"), key=_seed)
    if not files:
        raise FileNotFoundError(
            f"{folder}: no clips_seed<k>.parquet; run benchmarks/ablation/run.py"
        )
    return from_clips(pd.concat([pd.read_parquet(f) for f in files], ignore_index=True))


def from_clips(clips: pd.DataFrame, rows: list[Row] | None = None) -> Records:
    """Sort the clips into arrays. Raises ``ValueError`` if a seed has two clips of one row and sample."""
    clips = with_derived(clips)
    twice = clips.duplicated(["seed", "made_as", "sample_id"])
    if twice.any():
        first = clips.loc[twice].iloc[0]
        raise ValueError(
            f"{int(twice.sum())} clips are there twice, the first: seed {first['seed']}, "
            f"row {first['made_as']}, sample {first['sample_id']}"
        )
    about = clips.drop_duplicates("sample_id").set_index("sample_id").sort_index()
    measures = [c for c in clips.columns if c not in LABELS]
    seeds = sorted(int(s) for s in clips["seed"].unique())
    slices = {ALL: np.ones(len(about), bool)}
    slices |= {str(s): (about["slice"] == s).to_numpy() for s in about["slice"].unique()}
    slices[HIDING] = about["hides"].to_numpy(bool)
    slices[OPEN] = ~slices[HIDING]
    values = {}
    for name, part in clips.groupby("made_as", sort=False):
        cube = np.full((len(seeds), len(about), len(measures)), np.nan)
        at = np.searchsorted(seeds, part["seed"]), about.index.get_indexer(part["sample_id"])
        cube[at] = part[measures].to_numpy(float)
        values[str(name)] = cube
    records = Records(seeds, list(about.index), measures, slices, values, rows or load_rows())
    unknown = set(values) - set(records.made_as.values()) - {TRUTH, DECODED}
    for name in sorted(unknown):
        records.note(f"clips made as {name}: no row of ablation.yml is")
    for name, cube in values.items():
        lacking = [s for s, part in zip(seeds, cube, strict=True) if np.isnan(part).all()]
        if lacking:
            records.note(f"row {name}: no clips of seed {', '.join(map(str, lacking))}")
    return records


def with_derived(clips: pd.DataFrame) -> pd.DataFrame:
    """``clips`` with the measures :data:`DERIVED` where they lack them and hold what these follow from."""
    if not {*SCENE, "attributes right", "face seen"} <= set(clips.columns):
        return clips
    seen = clips["face seen"].where(clips["face seen"] > 0)
    share = clips["attributes right"] / seen
    scene = (clips[list(SCENE)] > 0.5).all(axis=1)
    found = {ALL_RIGHT: (scene & (share > EVERY)).astype(float), WHEN_SEEN: share}
    known = {name: clips[name].fillna(new) if name in clips else new for name, new in found.items()}
    return clips.assign(**known)


def load_runs(folder: Path) -> list[dict[str, Any]]:
    """What ``run_seed<k>.json`` say of the runs, if they are there."""
    return [json.loads(file.read_text()) for file in sorted(folder.glob("run_seed*.json"))]


def _seed(file: Path) -> int:
    found = re.search(r"(\d+)$", file.stem)
    if not found:
        raise ValueError(f"{file}: the name should end in the training seed, clips_seed<k>.parquet")
    return int(found[1])

"""Score all clips of a variant as one set: metrics that no single clip has, such as the face FID."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import DatasetError
from numpy.typing import NDArray

from tpige_kedro.datasets.clip_files import decoding
from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.datasets.pictures import References, checked_picture, part_of
from tpige_kedro.errors import ModelError, TpigeError
from tpige_kedro.execution.work import (
    Answers,
    Job,
    Outcome,
    Place,
    Result,
    Run,
    Task,
    Work,
    fingerprint,
    impossible,
)
from tpige_kedro.metrics.columns import REASON
from tpige_kedro.metrics.protocol import Frames, SetScorer
from tpige_kedro.models import describe_model, load_models, model_identity
from tpige_kedro.pipelines.scoring.jobs import damaged_clips
from tpige_kedro.pipelines.scoring.scored import values_and_reasons
from tpige_kedro.schemas import ModelSpec, Scoring

STAGE = "set_scoring"  # its items are variants
PHOTO = ["person_id", "reference", "reference_hash"]


def score_sets(
    checked_samples: pd.DataFrame,
    clips: Items,
    references: References,
    models: dict[str, ModelSpec],
    scoring: Scoring,
) -> Work:
    """Score the clips of each variant together; one job per variant with clips, none without ``scoring.set_scorer``.

    Returns:
        The work for ``set_score_items``: by variant, ``metrics``, ``values`` and ``reasons``.
    """
    if scoring.set_scorer is None or models[scoring.set_scorer].unavailable:
        return Work(STAGE, [], lambda todo: iter(()))
    spec = models[scoring.set_scorer]
    jobs = list(set_jobs(checked_samples, clips, spec))
    sets = SetScoring(scoring.set_scorer, spec, checked_samples[PHOTO], references)
    maker = describe_model(scoring.set_scorer, spec)
    return Work(STAGE, jobs, sets.produce, maker, share=sets.share)


@dataclass(frozen=True)
class SetScoring:
    """The set scorer of a run, and the photo of every person."""

    name: str
    spec: ModelSpec
    photo_of: pd.DataFrame  # the columns PHOTO
    references: References

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """The records, variant by variant. Raises ``ModelError`` if the scorer scores single clips."""
        (scorer,) = load_models([self.spec])
        if not hasattr(scorer, "score_set"):
            raise ModelError(
                f"scoring.set_scorer: {self.name} ({self.spec.type}) scores single clips; name it under scoring.scorers"
            )
        for job in todo:
            try:
                yield job, score_set(scorer, job, photos(self.photo_of, self.references))
            except Exception as error:  # named in the table of failures; the other variants go on
                yield job, error

    def share(self, todo: list[Job], run: Run) -> Answers:
        """The records by workers, a variant a task."""
        part = replace(self, references=part_of(self.references, self.photo_of["reference"]))
        place: Place = "cpu" if self.spec.options.get("device") == "cpu" else "gpu"
        yield from run(
            Task(part.produce, (job,), self.name, float(len(job.request)), place) for job in todo
        )


def set_jobs(samples: pd.DataFrame, clips: Items, spec: ModelSpec) -> Iterator[Job]:
    """A job for every variant with clips; its fingerprint covers all its clips, all photos, and the scorer.

    The request is the clips that are in the set.
    """
    photos = dict(zip(samples["person_id"], samples["reference_hash"], strict=True))
    scorer, version = model_identity(spec), decoding.VERSION
    decided = fingerprint(references=photos, scorer=scorer, decoding=version)
    damaged = {job.group: job.request for job in damaged_clips(samples, clips)}
    for variant, made in clips.by_group().items():
        if variant in damaged:  # without it the set would pass for the whole
            yield impossible(variant, damaged[variant], people=tuple(photos))
            continue
        chosen = {s: made[s] for s in samples["sample_id"] if s in made}
        if chosen:
            marks = {sample: clip.mark for sample, clip in chosen.items()}
            mark = fingerprint(decided=decided, clips=marks)
            yield Job(variant, mark, tuple(chosen.values()), people=tuple(photos))


def score_set(scorer: SetScorer, job: Job, references: Iterator[NDArray[np.uint8]]) -> Result:
    """The record of one variant: which values are metrics, the values, and the reasons of missing ones."""
    scores = scorer.score_set(frames(job.request), references)
    metrics = [metric.name for metric in scorer.metrics]
    return Result({"metrics": metrics, **values_and_reasons(scores, type(scorer).__name__)})


def frames(clips: tuple[Item, ...]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each clip, one clip in memory at a time.

    All of them count: a set without the clip that cannot be read would pass for the whole.
    """
    for clip in clips:
        yield clip.load().frames


def photos(samples: pd.DataFrame, references: References) -> Iterator[NDArray[np.uint8]]:
    """The photo (h, w, 3) of every person once."""
    columns = (samples[name] for name in ("person_id", "reference", "reference_hash"))
    last = {person: (name, mark) for person, name, mark in zip(*columns, strict=True)}
    for person, (name, mark) in last.items():
        try:
            yield np.asarray(checked_picture(references, name, mark).convert("RGB"))
        except (TpigeError, DatasetError) as error:
            raise TpigeError(f"person {person}: {error}") from error


def tabulate_sets(
    checked_samples: pd.DataFrame, clips: Items, set_score_items: Items, scoring: Scoring
) -> pd.DataFrame:
    """A row per variant with clips: ``variant``, ``n`` clips, every metric with its reason, and the sizes of the sets.

    The table is empty without ``scoring.set_scorer``.
    """
    samples = set(checked_samples["sample_id"])
    sizes = {v: len(samples & made.keys()) for v, made in clips.by_group().items()}
    variants = [v for v, n in sizes.items() if n and scoring.set_scorer is not None]
    found = {v: set_score_items[v].load() if v in set_score_items else NOTHING for v in variants}
    names = dict.fromkeys(name for record in found.values() for name in record["values"])
    metrics = {name for record in found.values() for name in record["metrics"]}
    columns = [c for name in names for c in ((name, name + REASON) if name in metrics else (name,))]
    rows = [set_row(v, sizes[v], record, list(names)) for v, record in found.items()]
    table = pd.DataFrame(rows, columns=["variant", "n", *columns])
    return table.astype({"n": int, **dict.fromkeys(names, float)})


NOTHING: Mapping[str, Any] = {"metrics": [], "values": {}, "reasons": {}}


def set_row(variant: str, n: int, record: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """A row of the table: a value is NaN where its reason says why."""
    row: dict[str, Any] = {"variant": variant, "n": n}
    for name in names:
        value = record["values"].get(name)
        row[name] = math.nan if value is None else value
        reason = record["reasons"].get(name, "scoring failed")
        row[name + REASON] = reason if value is None else None
    return row

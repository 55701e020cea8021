"""Score all clips of a variant as one set: metrics that no single clip has, such as the face FID."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tpige_kedro.errors import ModelError, TpigeError
from tpige_kedro.execution.local import Job, Outcome, Result, fingerprint, work_off
from tpige_kedro.metrics.columns import REASON
from tpige_kedro.metrics.protocol import SetScorer
from tpige_kedro.models import load_models
from tpige_kedro.pipelines.partitions import Pictures, Records
from tpige_kedro.pipelines.scoring.jobs import clip_mark, scorer_identity
from tpige_kedro.pipelines.scoring.nodes import Clips, ScoreChunk, values_and_reasons
from tpige_kedro.schemas import ModelSpec, Scoring

STAGE = "set_scoring"  # its items are variants
CLIPS, RECORDS = "clips_", "records_"


def score_sets(
    *,
    samples: pd.DataFrame,
    references: Pictures,
    completed: dict[str, str],
    models: dict[str, ModelSpec],
    scoring: Scoring,
    **folders: Any,
) -> Iterator[ScoreChunk]:
    """Yield a score record per variant and what failed; ``folders`` are ``clips_<variant>`` and ``records_<variant>``.

    Without ``scoring.set_scorer`` nothing is looked at. A variant of which nothing changed is not even opened.
    """
    if scoring.set_scorer is None:
        yield {}, {}
        return
    spec = models[scoring.set_scorer]
    jobs = list(set_jobs(samples, starting(RECORDS, folders), spec))
    clips = starting(CLIPS, folders)

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        (scorer,) = load_models([spec])
        if not hasattr(scorer, "score_set"):
            raise ModelError(
                f"scoring.set_scorer: {scoring.set_scorer} ({spec.type}) scores single clips; name it under scoring.scorers"
            )
        for job in todo:
            try:
                yield job, score_set(scorer, job, clips[job.key], photos(samples, references))
            except Exception as error:  # told in the table of failures; the other variants go on
                yield job, error

    for _, scored, failed in work_off(STAGE, jobs, completed, produce):
        yield scored, failed


def starting(prefix: str, folders: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs called ``<prefix><variant>``, by variant."""
    return {k.removeprefix(prefix): v for k, v in folders.items() if k.startswith(prefix)}


def set_jobs(
    samples: pd.DataFrame, records: Mapping[str, Records], spec: ModelSpec
) -> Iterator[Job]:
    """A job for every variant with clips; its fingerprint covers all its clips, all photos, and the scorer.

    The request is the samples whose clips are in the set.
    """
    photos = dict(zip(samples["person_id"], samples["reference_hash"], strict=True))
    scorer = scorer_identity(spec)
    for variant, made in records.items():
        clips = {s: clip_mark(made[s]()) for s in samples["sample_id"] if s in made}
        if clips:
            mark = fingerprint(clips=clips, references=photos, scorer=scorer)
            yield Job(variant, mark, tuple(clips))


def score_set(
    scorer: SetScorer, job: Job, clips: Clips, references: Iterator[NDArray[np.uint8]]
) -> Result:
    """The record of one variant: which values are metrics, the values, and the reasons of missing ones."""
    scores = scorer.score_set(frames(job.request, clips), references)
    metrics = [metric.name for metric in scorer.metrics]
    return Result(None, {"metrics": metrics, **values_and_reasons(scores, type(scorer).__name__)})


def frames(samples: tuple[str, ...], clips: Clips) -> Iterator[NDArray[np.uint8]]:
    """The frames (T, H, W, 3) of each clip, one clip in memory at a time.

    All of them count: a set without the clip that cannot be read would pass for the whole.
    """
    for sample in samples:
        if sample not in clips:
            raise TpigeError(f"sample {sample}: its clip is gone; run generation_variants again")
        yield clips[sample]().frames


def photos(samples: pd.DataFrame, references: Pictures) -> Iterator[NDArray[np.uint8]]:
    """The photo (h, w, 3) of every person once."""
    for person, photo in dict(zip(samples["person_id"], samples["reference"], strict=True)).items():
        if photo not in references:
            raise TpigeError(
                f"person {person}: the reference {photo} is gone; put the picture back"
            )
        yield np.asarray(references[photo]().convert("RGB"))


def tabulate_sets(
    *,
    samples: pd.DataFrame,
    set_records: Records,
    models: dict[str, ModelSpec],
    scoring: Scoring,
    **folders: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twice a row per variant with clips: ``variant``, ``n`` clips, every metric with its reason, and the sizes of the sets.

    A record that is not of the present clips does not count.
    """
    if scoring.set_scorer is None:
        jobs: list[Job] = []
    else:
        jobs = list(set_jobs(samples, starting(RECORDS, folders), models[scoring.set_scorer]))
    found = {job.key: valid_record(job, set_records) for job in jobs}
    names = dict.fromkeys(name for record in found.values() for name in record["values"])
    metrics = {name for record in found.values() for name in record["metrics"]}
    columns = [c for name in names for c in ((name, name + REASON) if name in metrics else (name,))]
    rows = [set_row(job, found[job.key], list(names)) for job in jobs]
    table = pd.DataFrame(rows, columns=["variant", "n", *columns])
    table = table.astype({"n": int, **dict.fromkeys(names, float)})
    return table, table


def valid_record(job: Job, set_records: Records) -> dict[str, Any]:
    """The record of the job, or an empty one."""
    record = set_records[job.key]() if job.key in set_records else {}
    if record.get("fingerprint") != job.fingerprint:
        return {"metrics": [], "values": {}, "reasons": {}}
    return record


def set_row(job: Job, record: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """A row of the table: a value is NaN where its reason says why."""
    row: dict[str, Any] = {"variant": job.key, "n": len(job.request)}
    for name in names:
        value = record["values"].get(name)
        row[name] = math.nan if value is None else value
        reason = record["reasons"].get(name, "scoring failed")
        row[name + REASON] = reason if value is None else None
    return row

"""Score the clips of one variant, decoding each once for all metrics, and put the scores into a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.datasets.mp4 import Clip
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.local import Job, Outcome, Result, fingerprint, work_off
from tpige_kedro.metrics.overall import overall
from tpige_kedro.metrics.protocol import Missing, ScoredClip, Scorer
from tpige_kedro.models import load_models, model_identity
from tpige_kedro.pipelines.partitions import Pictures, Records, of_variant
from tpige_kedro.schemas import ModelSpec, Scoring

# raise it when the arithmetic of any metric changes: everything is scored again
METRICS_VERSION = 1

ScoreChunk = tuple[dict[str, Any], dict[str, Any]]


def clip_scorer(name: str) -> Callable[..., Iterator[ScoreChunk]]:
    """The node function that scores the clips of the variant ``name``."""

    def score_clips(
        *,
        samples: pd.DataFrame,
        clips: Mapping[str, Callable[[], Clip]],
        records: Records,
        references: Pictures,
        completed: dict[str, str],
        models: dict[str, ModelSpec],
        scoring: Scoring,
    ) -> Iterator[ScoreChunk]:
        """Yield score records and what failed; finished clips are not even opened."""
        specs = [models[scorer] for scorer in scoring.scorers]
        jobs = list(score_jobs(samples, records, specs))

        def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
            scorers = load_models(specs)
            for job in todo:
                try:
                    clip = open_clip(job.request, clips, references)
                    values = score_clip(scorers, clip)
                except Exception as error:  # told in the table of failures; the other clips go on
                    yield job, error
                else:
                    details = {"variant": name, "sample_id": job.key, "clip": job.request.clip}
                    yield job, Result(None, {**details, **values})

        for _, scored, failed in work_off(
            f"scoring.{name}", jobs, of_variant(completed, name), produce
        ):
            yield scored, failed

    return score_clips


def clip_mark(record: Mapping[str, Any]) -> str:
    """What identifies a clip: how it was made and the pixels that came out."""
    return fingerprint(made=record["fingerprint"], frames=record["frames_hash"])


@dataclass(frozen=True)
class ScoreRequest:
    """One clip to score: against which prompt and photo; ``clip`` says which clip it is."""

    sample_id: str
    prompt: str
    reference: str
    clip: str


def score_jobs(
    samples: pd.DataFrame, records: Records, specs: Sequence[ModelSpec]
) -> Iterator[Job]:
    """A job per sample that has a clip; its fingerprint covers the clip, the original prompt and photo, and the scorers."""
    scorers = [model_identity(spec) for spec in specs]
    for row in samples.to_dict("records"):
        sample = row["sample_id"]
        if sample in records:
            clip = clip_mark(records[sample]())
            mark = fingerprint(
                clip=clip,
                prompt=row["prompt"],
                reference=row["reference_hash"],
                scorers=scorers,
                version=METRICS_VERSION,
            )
            yield Job(sample, mark, ScoreRequest(sample, row["prompt"], row["reference"], clip))


def open_clip(
    request: ScoreRequest,
    clips: Mapping[str, Callable[[], Clip]],
    references: Pictures,
) -> ScoredClip:
    """The frames, the person's own photo and the original prompt: what the paper's tables compare."""
    sample, reference = request.sample_id, request.reference
    if sample not in clips:
        raise TpigeError(f"sample {sample}: its clip is gone; run generation_variants again")
    if reference not in references:
        raise TpigeError(
            f"sample {sample}: its reference {reference} is gone; put the picture back"
        )
    clip = clips[sample]()
    return ScoredClip(clip.frames, clip.fps, references[reference](), request.prompt)


def score_clip(scorers: Sequence[Scorer], clip: ScoredClip) -> dict[str, dict[str, Any]]:
    """All metrics of one clip: ``values`` (None where missing) and ``reasons`` of the missing ones."""
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for scorer in scorers:
        for metric, value in scorer.score(clip).items():
            if isinstance(value, Missing):
                values[metric], reasons[metric] = None, value.reason
            elif math.isfinite(value):
                values[metric] = float(value)
            else:
                values[metric], reasons[metric] = None, f"{type(scorer).__name__} returned {value}"
    return {"values": values, "reasons": reasons}


def score_table(name: str) -> Callable[..., pd.DataFrame]:
    """The node function that tabulates the scores of the variant ``name``."""

    def tabulate_scores(
        samples: pd.DataFrame, records: Records, score_records: Records, scoring: Scoring
    ) -> pd.DataFrame:
        """One row per sample: every metric, ``overall``, and ``<metric>_reason`` where a value is missing.

        A sample without a score of its present clip has a row of missing values; a variant without clips has no rows.
        """
        found = {s: valid_score(s, records, score_records) for s in samples["sample_id"]}
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


def valid_score(sample: str, records: Records, score_records: Records) -> dict[str, Any]:
    """The score record of a sample if it is of the clip that is there; else one that says why not."""
    if sample not in records:
        return {"values": {}, "reasons": {}, "lacking": "no clip"}
    if sample in score_records:
        record = score_records[sample]()
        if record["clip"] == clip_mark(records[sample]()):
            return {**record, "lacking": "not computed by the scorers"}
    return {"values": {}, "reasons": {}, "lacking": "scoring failed"}


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

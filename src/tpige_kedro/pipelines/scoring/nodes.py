"""Score the clips of one variant, decoding each once for all metrics."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Any

import pandas as pd

from tpige_kedro.datasets.mp4 import Clip
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.local import Job, Outcome, Result, work_off
from tpige_kedro.metrics.protocol import Missing, ScoredClip, Scorer, Values
from tpige_kedro.models import load_models
from tpige_kedro.pipelines.partitions import Pictures, Records, of_variant
from tpige_kedro.pipelines.scoring.jobs import ScoreRequest, score_jobs
from tpige_kedro.schemas import ModelSpec, Scoring

ScoreChunk = tuple[dict[str, Any], dict[str, Any]]
Clips = Mapping[str, Callable[[], Clip]]


def clip_scorer(name: str) -> Callable[..., Iterator[ScoreChunk]]:
    """The node function that scores the clips of the variant ``name``."""

    def score_clips(
        *,
        samples: pd.DataFrame,
        prompts: pd.DataFrame,
        clips: Clips,
        records: Records,
        references: Pictures,
        completed: dict[str, str],
        models: dict[str, ModelSpec],
        scoring: Scoring,
    ) -> Iterator[ScoreChunk]:
        """Yield score records (one per clip and scorer) and what failed; finished clips are not even opened."""
        specs = {scorer: models[scorer] for scorer in scoring.scorers}
        jobs = list(score_jobs(samples, prompts, records, specs))
        if scoring.one_family_at_a_time:  # the order of the jobs is the order of the work
            jobs = [job for scorer in specs for job in jobs if job.request.scorer == scorer]

        def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
            wanted = list(dict.fromkeys(job.request.scorer for job in todo))
            families = [[s] for s in wanted] if scoring.one_family_at_a_time else [wanted]
            for family in families:
                mine = [job for job in todo if job.request.scorer in family]
                loaded = dict(zip(family, load_models([specs[s] for s in family]), strict=True))
                yield from score_each(mine, loaded, clips, references, name)
                del loaded  # else the next family is loaded beside it

        for _, scored, failed in work_off(
            f"scoring.{name}", jobs, of_variant(completed, name), produce
        ):
            yield scored, failed

    return score_clips


def score_each(
    jobs: Sequence[Job],
    scorers: Mapping[str, Scorer],
    clips: Clips,
    references: Pictures,
    variant: str,
) -> Iterator[tuple[Job, Outcome]]:
    """The outcomes of ``jobs``, which stand clip by clip: each clip is decoded once for all scorers that look at it."""
    for of_clip, opening in opened_ahead(jobs, clips, references):
        sample = of_clip[0].request.sample_id
        try:
            clip = opening.result()
        except Exception as error:  # told in the table of failures; the other clips go on
            yield from ((job, error) for job in of_clip)
            continue
        for job in of_clip:
            details = {"variant": variant, "sample_id": sample, "clip": job.request.clip}
            try:
                values = score_clip(scorers[job.request.scorer], clip)
            except Exception as error:  # so does the next scorer
                error.add_note(f"(scorer {job.request.scorer})")
                yield job, error
            else:
                yield job, Result(None, {**details, "scorer": job.request.scorer, **values})


def opened_ahead(
    jobs: Sequence[Job], clips: Clips, references: Pictures
) -> Iterator[tuple[list[Job], Future[ScoredClip]]]:
    """The jobs of each clip and the clip; while it is scored, the next one is decoded by a thread of its own."""
    waiting: deque[tuple[list[Job], Future[ScoredClip]]] = deque()
    with ThreadPoolExecutor(max_workers=1) as thread:
        for _, group in groupby(jobs, key=lambda job: job.request.sample_id):
            of_clip = list(group)
            opening = thread.submit(open_clip, of_clip[0].request, clips, references)
            waiting.append((of_clip, opening))
            if len(waiting) > 1:
                yield waiting.popleft()
        yield from waiting


def open_clip(request: ScoreRequest, clips: Clips, references: Pictures) -> ScoredClip:
    """The frames, the person's own photo and the original prompt: what the paper's tables compare."""
    sample, reference = request.sample_id, request.reference
    if sample not in clips:
        raise TpigeError(f"sample {sample}: its clip is gone; run generation_variants again")
    if reference not in references:
        raise TpigeError(
            f"sample {sample}: its reference {reference} is gone; put the picture back"
        )
    clip, photo = clips[sample](), references[reference]()
    return ScoredClip(clip.frames, clip.fps, photo, request.prompt, request.enhanced_prompt)


def score_clip(scorer: Scorer, clip: ScoredClip) -> dict[str, dict[str, Any]]:
    """What a record keeps of the metrics of one scorer, see :func:`values_and_reasons`."""
    return values_and_reasons(scorer.score(clip), type(scorer).__name__)


def values_and_reasons(scores: Values, scorer: str) -> dict[str, dict[str, Any]]:
    """``values`` (None where missing) and ``reasons`` of the missing ones."""
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for metric, value in scores.items():
        if isinstance(value, Missing):
            values[metric], reasons[metric] = None, value.reason
        elif math.isfinite(value):
            values[metric] = float(value)
        else:
            values[metric], reasons[metric] = None, f"{scorer} returned {value}"
    return {"values": values, "reasons": reasons}

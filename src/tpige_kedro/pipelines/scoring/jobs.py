"""What there is to score: a job per clip, with a fingerprint per scorer, so that only a new or changed scorer runs again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.datasets.clip_files import decoding
from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.work import Job, fingerprint, impossible
from tpige_kedro.models import model_identity
from tpige_kedro.schemas import ModelSpec


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One clip: the file, against which prompts and photo it is scored, and what each scorer's part of the record depends on.

    ``decided`` stands for all of it but the scorers, ``identities`` for each of them.
    """

    sample_id: str
    prompt: str
    enhanced_prompt: str | None
    reference: str
    reference_hash: str
    clip: Item
    decided: str
    identities: Mapping[str, str]

    @property
    def parts(self) -> dict[str, str]:
        """The fingerprint of each scorer's part."""
        return {name: f"{self.decided}-{identity}" for name, identity in self.identities.items()}


def score_jobs(
    samples: pd.DataFrame,
    prompts: pd.DataFrame,
    clips: Items,
    scorers: Mapping[str, ModelSpec],
) -> Iterator[Job]:
    """A job per clip, variant by variant; its fingerprint covers the clip, how it is decoded, the prompts, the photo, and all scorers."""
    enhanced = dict(zip(prompts["sample_id"], prompts["enhanced_prompt"], strict=True))
    identities = {n: fingerprint(model=model_identity(spec)) for n, spec in scorers.items()}
    rows = samples.to_dict("records")
    yield from damaged_clips(samples, clips)
    for variant, made in clips.by_group().items():
        for row in rows:
            sample = row["sample_id"]
            if (clip := made.get(sample)) is None:
                continue
            seen = {
                "clip": clip.mark,
                "decoding": decoding.VERSION,
                "prompt": row["prompt"],
                "enhanced_prompt": enhanced.get(sample),
                "reference": row["reference_hash"],
            }
            decided = fingerprint(**seen)
            request = ScoreRequest(
                sample_id=sample,
                prompt=row["prompt"],
                enhanced_prompt=enhanced.get(sample),
                reference=row["reference"],
                reference_hash=row["reference_hash"],
                clip=clip,
                decided=decided,
                identities=identities,
            )
            mark = fingerprint(parts=request.parts)
            yield Job(clip.key, mark, request, variant, (row["person_id"],))


def damaged_clips(samples: pd.DataFrame, clips: Items) -> Iterator[Job]:
    """A job that fails for every clip whose file is not what was saved."""
    people = dict(zip(samples["sample_id"], samples["person_id"], strict=True))
    for key, problem in clips.damaged().items():
        variant, _, sample = key.partition("/")
        if sample in people:
            yield impossible(key, TpigeError(problem), variant, (people[sample],))


def kept_parts(job: Job) -> dict[str, Any]:
    """The scorers' parts of the job's earlier record that still hold."""
    request: ScoreRequest = job.request
    earlier: Mapping[str, Any] = job.previous or {}
    wanted = request.parts
    return {
        name: part
        for name, part in earlier.items()
        if name in wanted and part["fingerprint"] == wanted[name]
    }

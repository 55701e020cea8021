"""What there is to score: a job per clip and scorer, so that a new scorer or a changed one scores only what is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.execution.local import Job, fingerprint
from tpige_kedro.models import model_identity
from tpige_kedro.pipelines.partitions import Records
from tpige_kedro.schemas import ModelSpec

# by class: raise the number of a scorer when its arithmetic changes, and its scores (no others) are computed again
METRIC_VERSIONS: Mapping[str, int] = {}
FIRST_VERSION = 2


@dataclass(frozen=True)
class ScoreRequest:
    """One clip and one scorer: against which prompts and photo; ``clip`` says which clip it is."""

    scorer: str
    sample_id: str
    prompt: str
    enhanced_prompt: str | None
    reference: str
    clip: str


def clip_mark(record: Mapping[str, Any]) -> str:
    """What identifies a clip: how it was made and the pixels that came out."""
    return fingerprint(made=record["fingerprint"], frames=record["frames_hash"])


def scorer_identity(spec: ModelSpec) -> dict[str, Any]:
    """What a scorer contributes to fingerprints."""
    return {
        "model": model_identity(spec),
        "version": METRIC_VERSIONS.get(spec.type, FIRST_VERSION),
    }


def score_key(scorer: str, sample_id: str) -> str:
    """The partition of one score record."""
    return f"{scorer}/{sample_id}"


def score_jobs(
    samples: pd.DataFrame, prompts: pd.DataFrame, records: Records, scorers: Mapping[str, ModelSpec]
) -> Iterator[Job]:
    """Clip by clip a job for each scorer; its fingerprint covers the clip, the prompts, the photo, and this scorer alone."""
    enhanced = dict(zip(prompts["sample_id"], prompts["enhanced_prompt"], strict=True))
    identities = {name: scorer_identity(spec) for name, spec in scorers.items()}
    for row in samples.to_dict("records"):
        sample = row["sample_id"]
        if sample not in records:
            continue
        clip = clip_mark(records[sample]())
        seen = {
            "clip": clip,
            "prompt": row["prompt"],
            "enhanced_prompt": enhanced.get(sample),
            "reference": row["reference_hash"],
        }
        for name, identity in identities.items():
            request = ScoreRequest(
                name, sample, row["prompt"], enhanced.get(sample), row["reference"], clip
            )
            mark = fingerprint(**seen, scorer=identity)
            yield Job(score_key(name, sample), mark, request, item=sample)

"""Scores the clips of all variants."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from tpige_kedro.datasets.items import Items
from tpige_kedro.datasets.pictures import References
from tpige_kedro.execution.work import Job, Outcome, Work
from tpige_kedro.models import describe_model
from tpige_kedro.pipelines.scoring.jobs import score_jobs
from tpige_kedro.pipelines.scoring.scored import Scored, score_families
from tpige_kedro.pipelines.scoring.shared import SharedScoring
from tpige_kedro.schemas import ModelSpec, Scoring

STAGE = "scoring"


def score_clips(
    checked_samples: pd.DataFrame,
    enhanced_prompts: pd.DataFrame,
    clips: Items,
    references: References,
    models: dict[str, ModelSpec],
    scoring: Scoring,
) -> Work:
    """Score every clip; one job per clip. A scorer that is new or changed adds its part to the record of the others.

    Returns:
        The work for ``clip_scores``: by ``<variant>/<sample_id>`` and scorer, ``values`` and ``reasons``.
    """
    specs = {n: models[n] for n in scoring.scorers if not models[n].unavailable}
    jobs = list(score_jobs(checked_samples, enhanced_prompts, clips, specs))
    makers = {name: describe_model(name, spec) for name, spec in specs.items()}

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        families = [[name] for name in specs] if scoring.one_family_at_a_time else [list(specs)]
        yield from score_families([Scored.of(job) for job in todo], families, specs, references)

    shared = SharedScoring(specs, references, scoring.one_family_at_a_time)
    return Work(STAGE, jobs, produce, makers, share=shared.share)

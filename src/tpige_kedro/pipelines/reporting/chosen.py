"""Takes the chosen clip of every sample into one folder, with a table of what was chosen and how it scored."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from tpige_kedro.datasets.chosen import OF_FILES, Choice, Taken
from tpige_kedro.datasets.items import Items
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.samples import text_of
from tpige_kedro.pipelines.reporting.scores import ScoreRow, clip_specs, score_rows

LABEL = "chosen"
GONE = "the clip no longer exists; run generation_variants again"
FIRST = ("sample_id", "person_id", "variant", "prompt", "model_prompt")  # columns before the scores
LAST = ("missing", "reason")
TAKEN = frozenset((*FIRST, *LAST, *OF_FILES))  # names that no column of scores has
SERVICE = "service"  # what the table of variants says where a model has no weights


def choose_clips(
    sample_overview: pd.DataFrame,
    declared_scores: DeclaredScores,
    variant_status: pd.DataFrame,
    clips: Items,
) -> Choice:
    """The chosen clips as ``<sample_id>``, and a row per sample.

    Returns:
        The work, and the table ``sample_id, person_id, variant, prompt, model_prompt``, a column per metric in full precision, ``missing``
        (why a metric has no value) and ``reason`` (why there is no clip). ``model_prompt`` is what the variant gave its model.
        A clip that cost money is copied rather than linked, so that nobody who edits the copy loses it.
    """
    variants = {row["variant"]: row for row in variant_status.to_dict("records")}
    scores = {(row.sample_id, row.variant): row for row in score_rows(*declared_scores)}
    metrics = [spec.name for spec in clip_specs(*declared_scores)]
    jobs, rows = [], []
    for sample in sample_overview.to_dict("records"):
        key, variant = sample["sample_id"], text_of(sample["variant"])
        told = variants.get(variant, {})
        row = _row(sample, told, scores.get((key, variant)), metrics)
        rows.append(row)
        clip = clips.get(f"{variant}/{key}")
        if clip is None and variant:
            failure = clips.failures.get(f"{variant}/{key}")
            row["reason"] = failure.message if failure else GONE
        elif clip is not None:
            taken = Taken(clip.path, may_link=told.get("source") != SERVICE)
            jobs.append(Job(key, fingerprint(clip=clip.mark), taken, people=(sample["person_id"],)))
    table = pd.DataFrame(rows, columns=[*FIRST, *map(_column, metrics), *LAST])
    return Choice(Work(LABEL, jobs, _take_in, {"type": __name__, "version": 1}), table)


def _take_in(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
    for job in todo:
        if job.request.file.is_file():
            yield job, Result(job.request)
        else:  # gone since the folder was read
            yield job, TpigeError(f"sample {job.key}: {GONE}")


def _row(
    sample: Mapping[Any, Any],
    variant: Mapping[Any, Any],
    scores: ScoreRow | None,
    metrics: list[str],
) -> dict[str, Any]:
    enhanced = variant.get("prompt") == "enhanced"
    found = scores.scores() if scores is not None else []
    values = {score.metric.name: score.value for score in found}
    missing = [f"{s.metric.title}: {s.reason}" for s in found if math.isnan(s.value) and s.reason]
    return {
        "sample_id": sample["sample_id"],
        "person_id": sample["person_id"],
        "variant": text_of(sample["variant"]),
        "prompt": sample["prompt"],
        "model_prompt": "" if not variant else sample["enhanced_prompt" if enhanced else "prompt"],
        **{_column(name): values.get(name, math.nan) for name in metrics},
        "missing": "; ".join(missing),
        "reason": text_of(sample["reason"]),
    }


def _column(metric: str) -> str:
    return f"{metric}_score" if metric in TAKEN else metric

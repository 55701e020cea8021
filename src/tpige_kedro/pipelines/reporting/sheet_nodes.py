"""The nodes that draw: strips of frames, and the contact sheets made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd
from kedro.io import DatasetError
from PIL import Image

from tpige_kedro.datasets.mp4 import Clip
from tpige_kedro.execution.local import Chunk, Job, Outcome, Result, fingerprint, work_off
from tpige_kedro.metrics.columns import metric_columns
from tpige_kedro.pipelines.reporting.samples import (
    Pictures,
    chosen_variants,
    clip_scores,
    load_all,
    reference_pictures,
    rows_of,
    score_line,
)
from tpige_kedro.pipelines.reporting.sheets import Row, Sheet, draw_sheet, shorten
from tpige_kedro.pipelines.reporting.strips import make_strip
from tpige_kedro.pipelines.reporting.tables import clip_metrics
from tpige_kedro.schemas import Reporting, Variant

LARGEST_SHEET = 24  # samples on the sheet of a variant
LONGEST_TEXT = 900  # letters of a prompt on a sheet
CLIPS = "clips_"

Sheets = dict[str, Callable[[], Image.Image]]  # drawn one by one, when Kedro saves them


def cut_strips(
    *,
    all_scores: pd.DataFrame,
    completed_clips: Mapping[str, str],
    completed_strips: Mapping[str, str],
    reporting: Reporting,
    **clips: Mapping[str, Callable[[], Clip]],
) -> Iterator[Chunk]:
    """The even frames of every clip side by side, one ``<variant>/<sample_id>`` after another.

    Clips that have not changed keep their strip. A clip without any score has none: scoring told why. One that cannot be
    read any more is a failure, not the end.
    """
    scored = all_scores[all_scores[metric_columns(all_scores)].notna().any(axis=1)]
    rows = zip(scored["variant"], scored["sample_id"], strict=True)
    loads = {f"{v}/{s}": clips.get(f"{CLIPS}{v}", {}).get(s) for v, s in rows}
    jobs = [
        Job(key, fingerprint(clip=completed_clips[key], frames=reporting.frames), load)
        for key, load in loads.items()
        if load and key in completed_clips
    ]

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            try:
                yield job, Result(make_strip(job.request().even_frames(reporting.frames)))
            except DatasetError as error:
                yield job, error

    yield from work_off("strips", jobs, completed_strips, produce)


def draw_sample_sheets(
    *,
    checked_samples: pd.DataFrame,
    references: Pictures,
    enhanced_references: Pictures,
    enhanced_reference_records: Mapping[str, Callable[[], Any]],
    strips: Pictures,
    all_scores: pd.DataFrame,
    selection: pd.DataFrame,
    variants: dict[str, Variant],
    reporting: Reporting,
) -> Sheets:
    """A contact sheet per sample: references at the left, even frames of every variant, scores, the chosen one marked."""
    chosen = chosen_variants(selection)
    records = load_all(enhanced_reference_records)
    metrics = clip_metrics(all_scores)

    def draw(sample: Any) -> Image.Image:
        rows = [
            Row(
                heading=row["variant"],
                scores=score_line(clip_scores(row, metrics)),
                strip=strips[f"{row['variant']}/{sample.sample_id}"](),
                chosen=row["variant"] == chosen.get(sample.sample_id),
            )
            for row in rows_of(all_scores, sample.sample_id, list(variants))
            if f"{row['variant']}/{sample.sample_id}" in strips
        ]
        pictures = reference_pictures(sample, references, enhanced_references, records)
        text = shorten(sample.prompt, LONGEST_TEXT)
        return draw_sheet(Sheet(sample.sample_id, text, pictures, rows, reporting.frames))

    return {s.sample_id: lambda s=s: draw(s) for s in checked_samples.itertuples()}  # type: ignore[misc]


def draw_variant_sheets(
    *,
    checked_samples: pd.DataFrame,
    references: Pictures,
    strips: Pictures,
    all_scores: pd.DataFrame,
    selection: pd.DataFrame,
    variants: dict[str, Variant],
    reporting: Reporting,
) -> Sheets:
    """A contact sheet per variant: its clips of the first 24 samples, each beside its original reference."""
    chosen = chosen_variants(selection)
    metrics = clip_metrics(all_scores)
    photos = dict(zip(checked_samples["sample_id"], checked_samples["reference"], strict=True))

    def draw(variant: str, samples: list[str]) -> Image.Image:
        rows = [
            Row(
                heading=sample,
                scores=score_line(clip_scores(row, metrics)),
                strip=strips[f"{variant}/{sample}"](),
                chosen=chosen.get(sample) == variant,
                reference=references[photos[sample]](),
            )
            for sample in samples[:LARGEST_SHEET]
            for row in rows_of(all_scores, sample, [variant])
        ]
        text = f"{len(rows)} of {len(samples)} samples"
        return draw_sheet(Sheet(variant, text, (), rows, reporting.frames, columns=2))

    shown = {v: [s for s in photos if f"{v}/{s}" in strips] for v in variants}
    return {v: lambda v=v, s=s: draw(v, s) for v, s in shown.items() if s}  # type: ignore[misc]

"""The nodes that draw item by item: strips of frames, contact sheets, and a page per sample. A rerun draws only what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import pandas as pd

from tpige_kedro.datasets.clip_files import decoding
from tpige_kedro.datasets.items import Item
from tpige_kedro.datasets.pictures import References
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.metrics.columns import metric_columns
from tpige_kedro.pipelines.reporting import page, sheets
from tpige_kedro.pipelines.reporting import strips as strip_drawing
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.samples import (
    SampleView,
    photo,
    picture_of,
    view_samples,
)
from tpige_kedro.pipelines.reporting.scores import ScoreRow, clip_specs, score_line, score_rows
from tpige_kedro.pipelines.reporting.sheets import Row, Sheet, draw_sheet, sheet_mark, shorten
from tpige_kedro.pipelines.reporting.strips import make_strip
from tpige_kedro.schemas import Reporting

LARGEST_SHEET = 24  # samples on the sheet of a variant
LONGEST_TEXT = 900  # letters of a prompt on a sheet


def cut_strips(
    sample_overview: pd.DataFrame,
    all_scores: pd.DataFrame,
    clips: Mapping[str, Item],
    reporting: Reporting,
) -> Work:
    """Evenly spaced frames of every scored clip side by side, as ``<variant>/<sample_id>``.

    A clip without any score has no strip: scoring says why. A clip that can no longer be decoded fails alone.
    """
    people = dict(zip(sample_overview["sample_id"], sample_overview["person_id"], strict=True))
    scored = all_scores[all_scores[metric_columns(all_scores)].notna().any(axis=1)]
    jobs = []
    for variant, sample in zip(scored["variant"], scored["sample_id"], strict=True):
        clip = clips.get(f"{variant}/{sample}")
        if clip is not None and sample in people:
            made_from = {
                "clip": clip.mark,
                "frames": reporting.frames,
                "decoding": decoding.VERSION,
            }
            mark = fingerprint(version=strip_drawing.VERSION, **made_from)
            jobs.append(Job(clip.key, mark, clip.load, people=(people[sample],)))

    def cut(load: Callable[[], Any]) -> Any:
        return make_strip(load().even_frames(reporting.frames))

    return _drawing("strips", jobs, cut, strip_drawing)


def draw_sample_sheets(
    sample_overview: pd.DataFrame,
    references: References,
    enhanced_references: Mapping[str, Item],
    strips: Mapping[str, Item],
    declared_scores: DeclaredScores,
    reporting: Reporting,
) -> Work:
    """A contact sheet per sample: references at the left, frames and scores of every clip, the chosen one marked."""
    given = (references, enhanced_references, strips, declared_scores, reporting)

    def mark(view: SampleView) -> str:
        return sheet_mark(_sample_sheet(view, reporting.frames))

    def draw(view: SampleView) -> Any:
        return draw_sheet(_sample_sheet(view, reporting.frames))

    views = partial(view_samples, sample_overview, *given)
    return _of_samples("contact_sheets", views, mark, draw, sheets)


def draw_variant_sheets(
    sample_overview: pd.DataFrame,
    references: References,
    strips: Mapping[str, Item],
    declared_scores: DeclaredScores,
    reporting: Reporting,
) -> Work:
    """A contact sheet per variant: its clips of the first 24 samples, each beside the original reference."""
    samples = {row["sample_id"]: row for row in sample_overview.to_dict("records")}
    order = {sample: place for place, sample in enumerate(samples)}
    rows: dict[str, list[ScoreRow]] = {}
    for row in score_rows(*declared_scores):
        if row.sample_id in samples and f"{row.variant}/{row.sample_id}" in strips:
            rows.setdefault(row.variant, []).append(row)
    jobs = []
    for variant, mine in rows.items():
        shown = sorted(mine, key=lambda row: order[row.sample_id])[:LARGEST_SHEET]
        drawn = [_variant_row(row, samples[row.sample_id], references, strips) for row in shown]
        text = f"{len(shown)} of {len(mine)} samples"
        sheet = Sheet(variant, text, (), drawn, reporting.frames, columns=2)
        people = dict.fromkeys(samples[row.sample_id]["person_id"] for row in shown)
        jobs.append(Job(variant, sheet_mark(sheet), sheet, people=tuple(people)))
    return _drawing("variant_sheets", jobs, draw_sheet, sheets)


def write_sample_pages(
    sample_overview: pd.DataFrame,
    references: References,
    enhanced_references: Mapping[str, Item],
    strips: Mapping[str, Item],
    declared_scores: DeclaredScores,
    reporting: Reporting,
) -> Work:
    """A page per sample with all pictures inside and links to the clips."""
    given = (references, enhanced_references, strips, declared_scores, reporting)
    frame = page.frame_mark(reporting, clip_specs(*declared_scores))

    def mark(view: SampleView) -> str:
        return page.sample_mark(view, frame)

    def write(view: SampleView) -> str:
        return page.render_sample(view, reporting)

    views = partial(view_samples, sample_overview, *given)
    return _of_samples("sample_pages", views, mark, write, page)


def _of_samples(
    label: str,
    views: Callable[[], Iterator[SampleView]],
    mark: Callable[[SampleView], str],
    draw: Callable[[SampleView], Any],
    module: ModuleType,
) -> Work:
    """A job per sample. What it shows is looked up again where it has to be drawn: jobs of a thousand samples would hold megabytes."""
    jobs = [
        Job(view.sample_id, mark(view), view.sample_id, people=(view.person_id,))
        for view in views()
    ]

    def drawn(todo: list[Job]) -> Iterator[tuple[Job, Callable[[], Any]]]:
        left = {job.key: job for job in todo}
        for view in views():
            if view.sample_id in left:
                yield left[view.sample_id], partial(draw, view)

    return _drawn(label, jobs, drawn, module)


def _sample_sheet(view: SampleView, frames: int) -> Sheet:
    rows = [
        Row(clip.row.variant, score_line(clip.row), clip.strip, clip.chosen)
        for clip in view.clips
        if clip.strip is not None
    ]
    text = shorten(view.prompt, LONGEST_TEXT)
    return Sheet(view.sample_id, text, view.references, rows, frames)


def _variant_row(
    row: ScoreRow, sample: Mapping[Any, Any], references: References, strips: Mapping[str, Item]
) -> Row:
    return Row(
        heading=row.sample_id,
        scores=score_line(row),
        strip=picture_of(strips[f"{row.variant}/{row.sample_id}"]),
        chosen=sample["variant"] == row.variant,
        reference=photo(sample, references),
    )


def _drawing(
    label: str, jobs: Sequence[Job], draw: Callable[[Any], Any], module: ModuleType
) -> Work:
    """The requests of ``jobs`` drawn one after another by ``module``; one that cannot be drawn fails alone."""

    def drawn(todo: list[Job]) -> Iterator[tuple[Job, Callable[[], Any]]]:
        yield from ((job, partial(draw, job.request)) for job in todo)

    return _drawn(label, jobs, drawn, module)


def _drawn(
    label: str,
    jobs: Sequence[Job],
    drawn: Callable[[list[Job]], Iterator[tuple[Job, Callable[[], Any]]]],
    module: ModuleType,
) -> Work:
    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job, draw in drawn(todo):
            try:
                yield job, Result(draw())
            except Exception as error:
                yield job, error

    maker = {"type": module.__name__, "version": module.VERSION}
    return Work(label, jobs, produce, maker)

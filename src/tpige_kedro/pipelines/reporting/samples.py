"""The samples of the report: prompts with the added text, references, and a row per clip."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from PIL import Image

from tpige_kedro.metrics.columns import is_scored, why_missing
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.numbers import short
from tpige_kedro.pipelines.reporting.strips import data_uri, side_by_side, split_strip
from tpige_kedro.pipelines.reporting.tables import spec_of
from tpige_kedro.schemas import Reporting

Pictures = Mapping[
    str, Callable[[], Image.Image]
]  # as Kedro loads partitions: one load function per key
FRAME_HEIGHT, REFERENCE_HEIGHT = 160, 320  # pixels at most, inside the page


@dataclass(frozen=True)
class Score:
    """One value of one clip, NaN with the reason where it is missing."""

    metric: MetricSpec
    value: float
    reason: str


@dataclass(frozen=True)
class ClipRow:
    """One clip of a sample: its strip and poster as data URIs, a link to the file, its scores."""

    variant: str
    chosen: bool
    strip: str
    poster: str
    link: str
    scores: Sequence[Score]


@dataclass(frozen=True)
class SampleView:
    """All that the page shows of one sample."""

    sample_id: str
    prompt: str
    enhanced_prompt: Sequence[tuple[str, bool]]  # pieces of text and whether they were added
    references: Sequence[tuple[str, str]]  # label, data URI
    reason: str  # why nothing was chosen
    clips: Sequence[ClipRow]
    absent: Sequence[tuple[str, str]]  # variants without a scored clip, and why


def added_text(original: str, enhanced: str) -> list[tuple[str, bool]]:
    """The enhanced prompt in pieces: text, and whether the original does not have it; together they are ``enhanced``.

    A prompt with one insertion, which is what prompt enhancement makes, is cut at exactly the inserted characters; any other
    change is compared by words and marks.
    """
    start = _insertion_start(original, enhanced)
    if start is not None:
        stop = start + len(enhanced) - len(original)
        cut = ((enhanced[:start], False), (enhanced[start:stop], True), (enhanced[stop:], False))
        return [(text, added) for text, added in cut if text]
    before, after = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (original, enhanced))
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    return [
        ("".join(after[start:stop]), kind != "equal")
        for kind, _, _, start, stop in matcher.get_opcodes()
        if stop > start
    ]


def _insertion_start(original: str, enhanced: str) -> int | None:
    """Where text was inserted into ``original`` to make ``enhanced``; None if that is not how they differ.

    Several places may give the same text ("a man, [old, ]alone" or "a man[, old], alone"): a comma opens the insertion.
    """
    before = _common_start(original, enhanced)
    behind = _common_start(original[::-1], enhanced[::-1])
    if before + behind < len(original) or len(enhanced) < len(original):
        return None
    comma = enhanced.find(",", len(original) - behind, before + 1)
    return comma if comma >= 0 else before


def _common_start(a: str, b: str) -> int:
    differ = (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    return next(differ, min(len(a), len(b)))


def clip_scores(row: pd.Series, metrics: Sequence[str]) -> list[Score]:
    """The values of a score row in the order of ``metrics``."""
    scores = []
    for name in metrics:
        value = float(row.get(name, math.nan))
        reason = row.get(f"{name}_reason")
        scores.append(Score(spec_of(name), value, str(reason) if pd.notna(reason) else ""))
    return scores


def score_line(scores: Sequence[Score]) -> str:
    """Scores as one line of text."""
    return " · ".join(f"{score.metric.title} {short(score.value)}" for score in scores)


def reference_pictures(
    sample: Any, references: Pictures, enhanced: Pictures, records: Mapping[str, Any]
) -> list[tuple[str, Image.Image]]:
    """The person's own photo and, where there is one, the redrawn picture, with labels that say which was used."""
    pictures = []
    if sample.reference in references:
        pictures.append(("original reference", references[sample.reference]()))
    if sample.sample_id in enhanced:
        label = enhanced_label(records.get(sample.sample_id, {}))
        pictures.append((label, enhanced[sample.sample_id]()))
    return pictures


def enhanced_label(record: Mapping[str, Any]) -> str:
    """Whether the reference was redrawn, and how similar it is to the original (cosine of the judge's embeddings)."""
    if record.get("chosen") == "original":
        reason = record.get("reason")
        return "enhanced reference: the original was kept" + (f" ({reason})" if reason else "")
    similarity = record.get("similarity")
    return "enhanced reference" + (
        f", similarity to the original {similarity:.3f}" if similarity is not None else ""
    )


def rows_of(scores: pd.DataFrame, sample_id: str, variants: Sequence[str]) -> list[pd.Series]:
    """The score rows of one sample, in the order of ``variants``, also those that only say why there is no score."""
    rows = {row["variant"]: row for _, row in scores[scores["sample_id"] == sample_id].iterrows()}
    return [rows[variant] for variant in variants if variant in rows]


def absent_clips(rows: Sequence[pd.Series], metrics: Sequence[str]) -> list[tuple[str, str]]:
    """Variant and reason of the rows without any score."""
    return [(str(row["variant"]), why_missing(row)) for row in rows if not is_scored(row, metrics)]


def chosen_variants(selection: pd.DataFrame) -> dict[str, str]:
    """The chosen variant by sample, where one was chosen."""
    chosen = selection[selection["variant"].notna()]
    return dict(zip(chosen["sample_id"], chosen["variant"], strict=True))


def load_all(partitions: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """All partitions of a small dataset."""
    return {key: load() for key, load in partitions.items()}


def clip_row(
    row: pd.Series,
    strips: Pictures,
    chosen: str | None,
    metrics: Sequence[str],
    reporting: Reporting,
) -> ClipRow:
    """What the page shows of one clip; without pictures if its frames could not be read."""
    names = {"variant": row["variant"], "sample_id": row["sample_id"]}
    strip = poster = ""
    if (key := "{variant}/{sample_id}".format(**names)) in strips:
        frames = split_strip(strips[key](), reporting.frames)
        strip = data_uri(side_by_side(frames, gap=1), FRAME_HEIGHT)
        poster = data_uri(frames[0], FRAME_HEIGHT)
    return ClipRow(
        variant=names["variant"],
        chosen=names["variant"] == chosen,
        strip=strip,
        poster=poster,
        link=reporting.clip_link.format(**names),
        scores=clip_scores(row, metrics),
    )


def sample_view(
    sample: Any,
    *,
    enhanced_prompt: str,
    pictures: Sequence[tuple[str, Image.Image]],
    clips: Sequence[ClipRow],
    choice: Mapping[Any, Any],
    absent: Sequence[tuple[str, str]],
) -> SampleView:
    """One sample, ready for the template; ``choice`` is its row of the selection."""
    reason = choice.get("reason")  # NaN where something was chosen
    return SampleView(
        sample_id=sample.sample_id,
        prompt=sample.prompt,
        enhanced_prompt=added_text(sample.prompt, enhanced_prompt) if enhanced_prompt else (),
        references=[(label, data_uri(picture, REFERENCE_HEIGHT)) for label, picture in pictures],
        reason=reason if isinstance(reason, str) else "",
        clips=clips,
        absent=absent,
    )

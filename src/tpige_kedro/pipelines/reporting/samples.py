"""What pages and sheets show of a sample: texts, scores, and pictures that are loaded only where they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
from PIL import Image

from tpige_kedro.datasets.items import Item
from tpige_kedro.datasets.pictures import References, checked_picture
from tpige_kedro.further import further_pictures
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.scores import (
    ScoreRow,
    by_sample,
    score_rows,
    why_unscored,
)
from tpige_kedro.schemas import Reporting


class Picture(NamedTuple):
    """A picture that is loaded where it is drawn; ``mark`` stands for its content in fingerprints."""

    mark: str
    load: Callable[[], Image.Image]


class ClipView(NamedTuple):
    """One scored clip: its scores, whether it was chosen, its strip (None if its frames cannot be read), a link to the file."""

    row: ScoreRow
    chosen: bool
    strip: Picture | None
    link: str


@dataclass(frozen=True)
class SampleView:
    """All that is shown of one sample."""

    sample_id: str
    person_id: str
    prompt: str
    enhanced_prompt: str  # empty if there is none
    references: Sequence[tuple[str, Picture]]  # with their labels
    reason: str  # why no clip was chosen
    clips: Sequence[ClipView]
    absent: Sequence[tuple[str, str]]  # variants without a scored clip, and why


def view_samples(
    sample_overview: pd.DataFrame,
    references: References,
    enhanced_references: Mapping[str, Item],
    strips: Mapping[str, Item],
    declared_scores: DeclaredScores,
    reporting: Reporting,
) -> Iterator[SampleView]:
    """The samples of the overview in its order, their clips in the order of the scores; loads no picture."""
    rows = by_sample(score_rows(*declared_scores))
    for sample in sample_overview.to_dict("records"):
        key = sample["sample_id"]
        mine = rows.pop(key, [])
        yield SampleView(
            sample_id=key,
            person_id=sample["person_id"],
            prompt=sample["prompt"],
            enhanced_prompt=sample["enhanced_prompt"],
            references=list(_references(sample, references, enhanced_references)),
            reason=text_of(sample["reason"]),
            clips=[_clip(r, sample["variant"], strips, reporting) for r in mine if r.is_scored],
            absent=[(row.variant, why_unscored(row)) for row in mine if not row.is_scored],
        )


def photo(sample: Mapping[Any, Any], references: References) -> Picture | None:
    """The person's own photo, which must be the one that was checked when it is loaded; None if it is missing."""
    name, mark = sample["reference"], sample["reference_hash"]
    if name not in references:
        return None
    return Picture(mark, partial(checked_picture, references, name, mark))


def picture_of(item: Item) -> Picture:
    """The output of an item as a picture."""
    return Picture(item.mark, item.load)


def text_of(value: Any) -> str:
    """A text of a table; the empty string if there is none."""
    return value if isinstance(value, str) else ""


def _references(
    sample: Mapping[Any, Any], references: References, enhanced: Mapping[str, Item]
) -> Iterator[tuple[str, Picture]]:
    """The photos and, where there is one, the redrawn picture, with labels that say which was used."""
    if (original := photo(sample, references)) is not None:
        yield "original reference", original
    for number, (name, mark) in enumerate(further_pictures(sample), start=2):
        if name in references:
            load = partial(checked_picture, references, name, mark)
            yield f"original reference {number}", Picture(mark, load)
    if (item := enhanced.get(sample["sample_id"])) is not None:
        yield sample["enhanced_reference"], picture_of(item)


def _clip(row: ScoreRow, chosen: Any, strips: Mapping[str, Item], reporting: Reporting) -> ClipView:
    strip = strips.get(f"{row.variant}/{row.sample_id}")
    link = reporting.clip_link.format(variant=row.variant, sample_id=row.sample_id)
    shown = None if strip is None else picture_of(strip)
    return ClipView(row, row.variant == chosen, shown, link)

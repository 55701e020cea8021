"""Everything that failed and was not fixed since, as one table: ``stage, item, problem``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from tpige_kedro.characters import shown
from tpige_kedro.datasets.items import NONE, Items
from tpige_kedro.execution.tally import tally_label

COLUMNS = ["stage", "item", "problem"]
Rows = Iterable[tuple[str, str, str]]


def collect_input_failures(
    sample_issues: pd.DataFrame,
    face_attributes: Items,
    rewritten_prompts: Items,
    written_reference_prompts: Items,
    enhanced_references: Items,
) -> pd.DataFrame:
    """The samples that were refused, then what failed while prompts and references were enhanced."""
    stages = {
        "prompt_enhancement": face_attributes,
        "prompt_rewriting": rewritten_prompts,
        "reference_prompts": written_reference_prompts,
        "reference_enhancement": enhanced_references,
    }
    failed = (row for stage, items in stages.items() for row in _failed(stage, items))
    return _table([*_issues(sample_issues), *failed])


def collect_sample_issues(sample_issues: pd.DataFrame) -> pd.DataFrame:
    """The samples that were refused: all that can fail before clips are scored, where nothing is enhanced."""
    return _table(_issues(sample_issues))


def collect_clip_failures(
    input_failures: pd.DataFrame, clips: Items, clip_scores: Items, set_score_items: Items
) -> pd.DataFrame:
    """The failures of the inputs, then those of clips and scores, which are named by variant."""
    rows = [
        *input_failures[COLUMNS].itertuples(index=False, name=None),
        *_failed_by_variant("generation_variants", clips),
        *_failed_by_variant("scoring", clip_scores),
        *_failed("set_scoring", set_score_items),
    ]
    return _table(rows)


def collect_failures(
    clip_failures: pd.DataFrame, strips: Items, chosen_clips: Items = NONE
) -> pd.DataFrame:
    """All failures in the order of the stages."""
    earlier = clip_failures[COLUMNS].itertuples(index=False, name=None)
    return _table([*earlier, *_failed("strips", strips), *_failed("chosen", chosen_clips)])


def _issues(sample_issues: pd.DataFrame) -> Rows:
    pairs = zip(sample_issues["sample_id"], sample_issues["problem"], strict=True)
    return [("samples", sample, problem) for sample, problem in pairs]


def _failed(stage: str, items: Items) -> Iterator[tuple[str, str, str]]:
    for key, failure in items.failures.items():
        yield stage, key, failure.message


def _failed_by_variant(stage: str, items: Items) -> Iterator[tuple[str, str, str]]:
    for key, failure in items.failures.items():
        variant, _, sample = key.partition("/")
        yield tally_label(stage, variant), sample, failure.message


def _table(rows: Rows) -> pd.DataFrame:
    """The rows as a table, each once: a sample may be listed twice with the same problem.

    What a server or a file name put into a message steers no terminal that shows the table.
    """
    cells = dict.fromkeys(tuple(shown(cell, keep="\n\t") for cell in row) for row in rows)
    return pd.DataFrame(list(cells), columns=COLUMNS, dtype=str)

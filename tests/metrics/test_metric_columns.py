"""What counts as a metric in a table of scores, and what is said of one that is missing."""

from __future__ import annotations

import pandas as pd
import pytest

from tpige_kedro.metrics.columns import in_order, metric_columns, why_missing


def test_texts_keys_and_reasons_are_no_metrics() -> None:
    scores = pd.DataFrame(
        {
            "sample_id": [1, 2],  # numbers, and still a key
            "variant": ["a", "b"],
            "comment": ["blurred", "sharp"],
            "own": [0.5, None],
            "own_reason": [None, "no face"],
            "overall": [0.1, 0.2],
            "gme_score": [1, 2],
        }
    )
    assert metric_columns(scores) == ["gme_score", "overall", "own"]


def test_metrics_stand_in_the_order_of_the_catalogue() -> None:
    assert in_order(["b", "overall", "a", "cur_score"]) == ["cur_score", "overall", "b", "a"]


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ({"cur_score_reason": "no face", "overall_reason": "no cur_score"}, "no face"),
        ({"cur_score_reason": "no face", "arc_score_reason": "no face"}, "no face"),
        ({"cur_score_reason": "no face", "gme_score_reason": "empty"}, "no face; empty"),
        ({"overall_reason": "no cur_score", "gme_score_reason": None}, "no cur_score"),
        ({"gme_score_reason": None}, ""),
    ],
)
def test_the_reasons_of_the_parts_stand_for_that_of_their_sum(
    reasons: dict[str, str | None], said: str
) -> None:
    assert why_missing(pd.Series({"gme_score": 0.5, **reasons}, dtype=object)) == said

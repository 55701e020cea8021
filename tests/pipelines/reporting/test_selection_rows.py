from __future__ import annotations

import pandas as pd

from tpige_kedro.metrics.catalog import METRICS
from tpige_kedro.pipelines.reporting.best import best_variants
from tpige_kedro.pipelines.reporting.tables import difference_rows, variant_rows


def test_the_best_of_n_draws_stands_with_the_selection_and_does_not_compete() -> None:
    means = {"a": 0.4, "a_1": 0.5, "moe": 0.9, "best_of_n": 0.8, "moe_held_out": 0.7}
    summary = pd.DataFrame(
        [
            {"variant": v, "metric": "gme_score", "mean": m, "low": m, "high": m, "n": 3}
            for v, m in means.items()
        ]
    )
    status = pd.DataFrame({"variant": ["a", "a_1"], "status": "ready", "reason": ""})
    status["description"] = ["g", "g · draw 1"]
    scores = pd.DataFrame(
        {"sample_id": ["s1", "s1"], "variant": ["a", "a_1"], "gme_score": [0.4, 0.5]}
    )
    bests = best_variants(summary, scores, METRICS)
    rows = {row.name: row for row in variant_rows(summary, status, bests)}
    assert list(rows) == list(means) and rows["best_of_n"].title == "Best of n draws"
    assert [name for name, row in rows.items() if row.cells["gme_score"].best] == ["a_1"]
    assert "draw 1" in rows["a_1"].note and "draw" not in rows["a"].note
    numbers = {"difference": 0.1, "low": 0, "high": 0.2, "n": 3, "p": 0.5, "p_holm": 0.5}
    pair = pd.DataFrame(
        [{"variant": "moe", "against": "best_of_n", "metric": "gme_score", **numbers}]
    )
    (difference,) = difference_rows(pair)
    assert (difference.title, difference.against_title) == ("MoE selection", "Best of n draws")

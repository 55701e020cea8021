from __future__ import annotations

import pandas as pd

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
    rows = {row.name: row for row in variant_rows(summary, status)}
    assert list(rows) == list(means) and rows["best_of_n"].title == "Best of n draws"
    assert [name for name, row in rows.items() if row.cells["gme_score"].best] == ["a_1"]
    assert "draw 1" in rows["a_1"].note and "draw" not in rows["a"].note
    numbers = {"difference": 0.1, "low": 0, "high": 0.2, "n": 3, "p": 0.5, "p_holm": 0.5}
    pair = pd.DataFrame(
        [{"variant": "moe", "against": "best_of_n", "metric": "gme_score", **numbers}]
    )
    (difference,) = difference_rows(pair)
    assert (difference.title, difference.against_title) == ("MoE selection", "Best of n draws")

"""What choosing is worth: shares, controls and metrics left out are those that were put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic_clips as world

from benchmarks.evidence.records import from_clips
from benchmarks.evidence.selection import DRAWS, EXPERTS, Chosen, select
from tpige_kedro.metrics.overall import PAPER_WEIGHTS
from tpige_kedro.pipelines.moe_selection.candidates import held_out_scores


def scored(shares: list[str]) -> pd.DataFrame:
    """Clips of which the named expert has the highest overall score, sample by sample; all else is noise."""
    generator, n = np.random.default_rng(3), len(shares)
    parts = []
    for name in dict.fromkeys((*EXPERTS, *DRAWS)):
        scores = pd.DataFrame({m: generator.uniform(0, 1, n) for m in PAPER_WEIGHTS})
        scores["overall"] = sum(w * scores[m] for m, w in PAPER_WEIGHTS.items())
        scores.loc[[s == name for s in shares], "overall"] = 2.0
        scores["identity"] = scores["cur_score"]
        about = {"seed": 0, "made_as": name, "slice": "people", "hides": False}
        parts.append(scores.assign(**about, sample_id=[f"s{i:03d}" for i in range(n)]))
    return pd.concat(parts)


def test_win_shares_are_those_put_in() -> None:
    shares = ["phantom"] * 10 + ["vace"] * 20 + ["vace_pe_ge"] * 70
    table_ = select(from_clips(scored(shares)), 0)
    wins = table_[(table_["what"] == "win share") & (table_["seed"] == "pooled")]
    assert wins.set_index("row")["value"].to_dict() == pytest.approx(
        {"phantom": 0.1, "vace": 0.2, "vace_pe": 0, "vace_pe_ie": 0, "vace_pe_ge": 0.7}
    )
    vace = wins.set_index("row").loc["vace"]
    assert vace["low"] < 0.2 < vace["high"] and vace["n"] == 100


def test_leaving_a_metric_out_is_what_the_product_does() -> None:
    records = from_clips(world.clips([0], 50, 10))
    chosen = Chosen(records, EXPERTS, DRAWS)
    product = held_out_scores(chosen.scores(0, ""), EXPERTS, PAPER_WEIGHTS)
    for measure, values in product.items():
        moe, _ = chosen.clips(measure)
        ours = moe[0, :, records.measures.index(measure)]
        assert ours.tolist() == pytest.approx(values.tolist())
    seen = chosen.clips("")[0][0, :, records.measures.index("cur_score")]
    assert not np.allclose(seen, product["cur_score"])


def test_choosing_among_noise_gains_in_what_was_seen_only() -> None:
    records = from_clips(scored(["nobody"] * 300))
    table_ = select(records, 0).query("seed == 'pooled'").set_index(["what", "kind", "measure"])
    seen = table_.loc[("moe - best expert", "seen", "cur_score")]
    unseen = table_.loc[("moe - best expert", "left out", "cur_score")]
    assert seen["low"] > 0.05 and unseen["low"] < 0.02
    for kind, measure in (("seen", "overall"), ("left out", "gme_score")):
        fair = table_.loc[("moe - best of n", kind, measure)]
        assert fair["low"] < 0 < fair["high"]  # five experts of noise are five draws of it
    assert table_.loc[("best of n - one draw", "seen", "overall"), "low"] > 0.05


def test_the_best_of_as_many_draws_is_the_control(out: Path) -> None:
    table_ = world.table(out, "selection").query("seed == 'pooled'")
    found = table_[table_["what"] == "moe - best of n"]
    assert set(found["kind"]) == {"seen", "left out", "independent"}
    assert set(found["against"]) == {"best_of_n"}
    assert set(found["n"]) == {world.ALL_SAMPLES}
    judged = found[found["kind"] == "independent"]["measure"].tolist()
    assert judged == ["identity", "text match"]

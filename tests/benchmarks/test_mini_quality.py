"""The benchmark draws what it says, and its tables add up; the clips themselves are a GPU's business."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import one_hot

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from mini_pairs import draw_pairs
from mini_quality import MINI, make_judge, readings
from mini_tables import DECODED, TRUTH, as_markdown, compare, summarise
from tpige_kedro.mini.judge import Verdict
from tpige_kedro.mini.networks.attribute_reader import ATTRIBUTES
from tpige_kedro.mini.training.pool import held_out
from tpige_kedro.mini.world.people import sample_people

N, SEED = 6, 5


@pytest.mark.parametrize("unseen", [False, True])
def test_pairs_are_half_hiding_and_all_of_their_slice(unseen: bool) -> None:
    pairs = draw_pairs(N, SEED, unseen, torch.device("cpu"))
    assert int(pairs.hides.sum()) == N // 2
    assert pairs.truth.shape == (N, 3, 17, 80, 80)
    assert len(set(pairs.ids)) == len(pairs.prompts) == N
    assert not any("-skinned" in prompt for prompt in pairs.prompts)
    styles = sample_people(4 * N, torch.Generator().manual_seed(SEED))["hair_style"]
    possible = [
        any(
            bool(held_out(role, setting, {"hair_style": style})) == unseen
            for style in styles.unique()
        )
        for role, setting in zip(pairs.role, pairs.setting, strict=True)
    ]
    assert all(possible)


def test_a_clip_that_shows_the_true_attributes_matches_its_text() -> None:
    pairs = draw_pairs(N, SEED, False, torch.device("cpu"))
    tables = [one_hot(v, n).float() for v, n in zip(pairs.asked[:3], (10, 7, 6), strict=True)]
    read = {
        name: one_hot(values.clamp(min=0), ATTRIBUTES[name]).float()
        for name, values in pairs.attributes.items()
    }
    verdict = Verdict(*pairs.asked[:3], *(torch.ones(N),) * 3, *tables, read)
    found = readings(verdict, pairs)
    assert set(found) == {"attributes right", "text match"}
    assert all(torch.allclose(values, torch.ones(N)) for values in found.values())
    assert readings(verdict._replace(attributes={}), pairs) == {}


def test_attributes_are_those_of_the_people_in_the_pictures() -> None:
    judge = make_judge(MINI, "cpu")
    if judge.attributes is None:
        pytest.skip("mini model judge_attributes is not there; train it with train_mini")
    pairs = draw_pairs(12, SEED, False, torch.device("cpu"))
    verdict = judge(pairs.truth, pairs.references)
    assert readings(verdict, pairs)["attributes right"].mean() > 0.8


def test_the_same_seed_draws_the_same_pairs() -> None:
    first, second = (draw_pairs(N, SEED, False, torch.device("cpu")) for _ in range(2))
    assert first.prompts == second.prompts
    assert torch.equal(first.truth, second.truth)


def test_tables_give_shares_of_the_rendered_row_and_paired_differences() -> None:
    ids = [f"s{i}" for i in range(8)]
    levels = {TRUTH: 0.8, DECODED: 0.72, "vace": 0.4, "vace_pe": 0.6}
    measures = ["identity", "face seen", "role right", "setting right", "action right"]
    measures += ["gme_score", "imaging_quality", "overall"]
    rows = [
        {"slice": "people", "variant": name, "sample_id": key, "hides": i % 2 == 0}
        | dict.fromkeys(measures, level + 0.01 * i)
        for name, level in levels.items()
        for i, key in enumerate(ids)
    ]
    clips = pd.DataFrame(rows)
    table = as_markdown(summarise(clips, 0))
    assert "| vace_pe | 0.76 |" in table  # (0.6 + 0.035) / (0.8 + 0.035)
    differences = compare(clips, 0).set_index(["measure", "variant", "against"])
    row = differences.loc[("identity", "vace_pe", "vace")]
    assert np.isclose(row["difference"], 0.2) and row["n"] == 8 and row["p"] < 0.05

"""The held-out pairs of the benchmarks are what they say: half in face-hiding roles, all of their slice, labelled with the truth."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import one_hot

from benchmarks.ablation.mini_pairs import draw_pairs
from benchmarks.ablation.run import MINI
from tpige_kedro.mini.judge import MiniJudge, Verdict
from tpige_kedro.mini.networks.attribute_reader import ATTRIBUTES
from tpige_kedro.mini.text_match import all_right, attributes_right, text_match
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
    verdict = Verdict(*pairs.asked[:3], *(torch.ones(N),) * 4, *tables, read)
    for measure in (attributes_right, text_match, all_right):
        torch.testing.assert_close(measure(verdict, pairs.asked), torch.ones(N))


def test_attributes_are_those_of_the_people_in_the_pictures() -> None:
    judge = MiniJudge(MINI / "judge", "cpu", MINI / "judge_attributes")
    pairs = draw_pairs(12, SEED, False, torch.device("cpu"))
    verdict = judge(pairs.truth, pairs.references)
    assert attributes_right(verdict, pairs.asked).mean() > 0.8


def test_the_same_seed_draws_the_same_pairs() -> None:
    first, second = (draw_pairs(N, SEED, False, torch.device("cpu")) for _ in range(2))
    assert first.prompts == second.prompts
    assert torch.equal(first.truth, second.truth)


def test_the_other_pictures_are_of_the_same_people_in_other_poses() -> None:
    judge = MiniJudge(MINI / "judge", "cpu")
    pairs = draw_pairs(12, SEED, False, torch.device("cpu"))
    one, other = judge.embed(pairs.references), judge.embed(pairs.others)
    cosines = one @ other.T
    assert cosines.diagonal().mean() > 0.5
    assert cosines.fill_diagonal_(0).mean() < 0.3
    assert (one * other).sum(1).max() < 0.999

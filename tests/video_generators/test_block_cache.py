"""The cache of blocks: nothing is counted twice, each branch for itself, and what it says it reused it reused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tiny_wan import OPTIONS, transformer
from vace_runs import FORMS, GUIDED, PLAIN, floats, one, request

from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.block_cache import BlockCache, Kept
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.wan_options import Cache, WanOptions
from tpige_kedro.video_generators.wan_vace import WanVace

EVERYTHING = 1e9  # a threshold under which all allowed steps are reused
STEPS = 6


@pytest.fixture(scope="module")
def vace() -> Any:
    torch.manual_seed(0)
    return transformer()


def inputs(seed: int = 1) -> dict[str, Any]:
    torch.manual_seed(seed)
    return {
        "hidden_states": torch.randn(1, 16, 4, 4, 4),
        "timestep": torch.tensor([500]),
        "encoder_hidden_states": torch.randn(1, 8, 16),
        "control_hidden_states": torch.randn(1, 96, 4, 4, 4),
        "return_dict": False,
    }


@torch.no_grad()
def forward(
    model: Any, cache: BlockCache, step: int, given: dict[str, Any], branch: str = "cond"
) -> Any:
    cache.enter_step(step, STEPS)
    with cache.around(model, branch):
        return model(**given)[0]


def test_the_same_input_twice_gives_the_same_output_with_vaces_hints(vace: Any) -> None:
    cache = BlockCache(Cache(threshold=EVERYTHING, first_steps=1))
    computed = forward(vace, cache, 0, inputs())
    reused = forward(vace, cache, 1, inputs())
    assert cache.reused == Counter(cond=1)
    torch.testing.assert_close(reused, computed, atol=1e-5, rtol=1e-5)


def test_hints_are_those_of_the_step_that_reuses(vace: Any) -> None:
    cache, given = BlockCache(Cache(threshold=EVERYTHING, first_steps=1)), inputs()
    forward(vace, cache, 0, given)
    silent = {**given, "control_hidden_states_scale": torch.zeros(2)}
    before = forward(vace, cache, 1, given)
    assert not torch.allclose(forward(vace, cache, 2, silent), before)


def test_without_reuse_the_output_is_that_of_the_model_to_the_bit(vace: Any) -> None:
    cache = BlockCache(Cache(threshold=0))
    with torch.no_grad():
        plain = vace(**inputs())[0]
    for step in range(STEPS):
        assert torch.equal(forward(vace, cache, step, inputs()), plain)
    assert not cache.reused


def test_a_change_above_the_threshold_is_computed(vace: Any) -> None:
    cache = BlockCache(Cache(threshold=0.01, first_steps=1))
    forward(vace, cache, 0, inputs())
    other = forward(vace, cache, 1, inputs(seed=2))
    with torch.no_grad():
        assert torch.equal(other, vace(**inputs(seed=2))[0])


def test_branches_do_not_see_each_others_state(vace: Any) -> None:
    cache = BlockCache(Cache(threshold=EVERYTHING, first_steps=1))
    cond = forward(vace, cache, 0, inputs())
    uncond = forward(vace, cache, 0, inputs(seed=2), "uncond")
    torch.testing.assert_close(forward(vace, cache, 1, inputs()), cond)
    torch.testing.assert_close(forward(vace, cache, 1, inputs(seed=2), "uncond"), uncond)


def test_blocks_are_restored_after_an_error(vace: Any) -> None:
    blocks, cache = vace.blocks, BlockCache(Cache())
    with pytest.raises(RuntimeError, match="stop"), cache.around(vace, "cond"):
        raise RuntimeError("stop")
    assert vace.blocks is blocks


@pytest.mark.parametrize("form", FORMS)
def test_threshold_0_makes_the_clip_of_no_cache_to_the_bit(vace_folder: Path, form: Any) -> None:
    guidance = Guidance(text_weight=4.0, identity_weight=0.5, skip_layers=(2,), weak_branch=form)
    plain = floats(WanVace(str(vace_folder), **OPTIONS), [request()], guidance)
    cached = WanVace(str(vace_folder), **OPTIONS, cache={"threshold": 0, "first_steps": 1})
    assert np.array_equal(floats(cached, [request()], guidance), plain)


@pytest.mark.parametrize("guidance", [PLAIN, GUIDED])
def test_the_record_counts_what_was_reused(vace_folder: Path, guidance: Guidance) -> None:
    options = {**OPTIONS, "steps": STEPS}
    cache = {"threshold": EVERYTHING, "first_steps": 2, "last_steps": 1}
    generator = WanVace(str(vace_folder), **options, cache=cache)
    calls: Counter[str] = Counter()
    generator.transformer.blocks[1].register_forward_hook(lambda *_: calls.update(["block 1"]))
    record = one(generator, request(), guidance).details
    branches = {"cond", "uncond"} | ({"weak"} if guidance.identity_weight else set())
    assert record["reused_forwards"] == dict.fromkeys(branches, 3)  # of 6 steps, 2 and 1 computed
    assert record["forwards"] == dict.fromkeys(branches, STEPS)
    assert calls["block 1"] == 3 * len(branches)


def test_phantom_takes_the_same_cache(phantom_folder: Path, vace_folder: Path) -> None:
    cache = {"threshold": EVERYTHING, "first_steps": 1}
    generator = Phantom(str(phantom_folder), base=str(vace_folder), **OPTIONS, cache=cache)
    record = one(generator, request(), PLAIN).details  # type: ignore[arg-type]
    assert min(record["reused_forwards"].values()) > 0


def test_ranks_that_split_tokens_cannot_decide_alone() -> None:
    with pytest.raises(ValidationError, match=r"cache: it does not work with parallel\.context"):
        WanOptions(cache=Cache(), parallel={"context": 2})


def test_a_new_run_reuses_nothing_of_the_last() -> None:
    cache = BlockCache(Cache(first_steps=1, last_steps=1))
    state = torch.ones(1, 2, 3)
    for step in range(8):
        cache.enter_step(step, 8)
        assert cache.is_alike("cond", state) is (0 < step < 7), step
        cache.kept["cond"] = Kept(state, state)
    cache.enter_step(0, 8)
    assert cache.kept == {}

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tpige_kedro.video_generators.batches import batches
from tpige_kedro.video_generators.letterbox import letterbox
from tpige_kedro.video_generators.wan_encoding import Kept
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.video_generators.wan_timesteps import reference_sigmas, with_shift


@given(st.lists(st.integers(0, 3)), st.integers(1, 5))
def test_batches_hold_every_item_once_and_never_mix_keys(items: list[int], size: int) -> None:
    made = list(batches(list(enumerate(items)), size, key=lambda item: item[1]))
    assert sorted(item for batch in made for item in batch) == list(enumerate(items))
    assert all(len(batch) <= size and len({key for _, key in batch}) == 1 for batch in made)


@pytest.mark.parametrize("size", [(30, 60), (60, 30), (48, 32), (1, 1), (500, 3)])
def test_letterbox_keeps_the_aspect_on_white(size: tuple[int, int]) -> None:
    made = np.asarray(letterbox(Image.new("RGB", size, "black"), 32, 48))
    assert made.shape == (32, 48, 3)
    rows, columns = np.nonzero((made < 128).all(axis=2))
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    assert height == 32 or width == 48
    scale = min(32 / size[1], 48 / size[0])
    assert abs(width - size[0] * scale) <= 1
    assert abs(height - size[1] * scale) <= 1
    outside = made.copy()
    outside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 255
    assert (outside == 255).all()


def test_letterbox_does_not_alias_fine_patterns() -> None:
    checkers = Image.fromarray((np.indices((640, 960)).sum(axis=0) % 2 * 255).astype(np.uint8))
    made = np.asarray(letterbox(checkers, 32, 48)).astype(int)
    assert np.abs(made - 128).max() < 12


@pytest.mark.parametrize("steps", [4, 30, 50])
def test_reference_sigmas_give_the_authors_scheduler_bit_for_bit(steps: int) -> None:
    from diffusers import UniPCMultistepScheduler

    scheduler = with_shift(UniPCMultistepScheduler(), 16.0)
    scheduler.set_timesteps(sigmas=reference_sigmas(steps))
    # as in the authors' FlowUniPCMultistepScheduler
    table = torch.from_numpy(1.0 - np.linspace(1, 1 / 1000, 1000)[::-1]).to(torch.float32)
    sigmas = np.linspace(table[0].item(), table[-1].item(), steps + 1)[:-1]
    sigmas = 16 * sigmas / (1 + 15 * sigmas)
    expected = torch.from_numpy(np.append(sigmas, 0.0).astype(np.float32))
    assert torch.equal(scheduler.sigmas, expected)
    assert torch.equal(scheduler.timesteps, torch.from_numpy(sigmas * 1000).to(torch.int64))


def test_without_a_shift_the_scheduler_of_the_checkpoint_stays() -> None:
    from diffusers import UniPCMultistepScheduler

    scheduler = UniPCMultistepScheduler()
    assert with_shift(scheduler, None) is scheduler


def test_kept_results_go_when_there_are_too_many_oldest_first() -> None:
    kept, computed = Kept(2), []

    def get(key: str) -> None:
        kept.get(key, lambda: computed.append(key) or torch.zeros(1))

    for key in ("a", "b", "a", "c", "a", "b"):
        get(key)
    assert computed == ["a", "b", "c", "b"]


@given(st.integers(1, 200))
def test_frames_that_do_not_fill_latents_are_refused_with_the_nearest_number(count: int) -> None:
    if count % 4 == 1:
        assert WanOptions(num_frames=count).latent_frames == (count - 1) // 4 + 1
        return
    with pytest.raises(ValueError, match=f"num_frames: {count}") as caught:
        WanOptions(num_frames=count)
    nearest = int(str(caught.value).split("take ")[1].split()[0].rstrip("[,"))
    assert nearest % 4 == 1
    assert abs(nearest - count) <= 2

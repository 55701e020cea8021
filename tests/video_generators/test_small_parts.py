from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from tpige_kedro.video_generators.batches import batches
from tpige_kedro.video_generators.letterbox import letterbox
from tpige_kedro.video_generators.wan_decoding import as_levels
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


def drawn_size(made: Image.Image) -> tuple[int, int]:
    rows, columns = np.nonzero((np.asarray(made) < 128).all(axis=2))
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


@given(st.integers(1, 300), st.integers(1, 300))
def test_the_letterbox_of_phantom_rounds_down(width: int, height: int) -> None:
    made = letterbox(Image.new("RGB", (width, height), "black"), 32, 48, rounded_down=True)
    scale = min(Fraction(32, height), Fraction(48, width))
    exact = [max(Fraction(1), side * scale) for side in (width, height)]
    for pixels, wanted in zip(drawn_size(made), exact, strict=True):
        # a whole number may come out one pixel less, as theirs does: the ratio is a float
        whole = wanted.denominator == 1 and pixels == wanted - 1
        assert pixels == int(wanted) or whole


@pytest.mark.parametrize("size", [(100, 150), (768, 1024), (1333, 2000), (3000, 1900)])
def test_the_letterboxes_differ_by_one_pixel_at_most(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "black")
    nearest, down = (drawn_size(letterbox(picture, 480, 832, d)) for d in (False, True))
    assert max(nearest[0] - down[0], nearest[1] - down[1]) in (0, 1)
    assert min(nearest[0] - down[0], nearest[1] - down[1]) == 0


def test_some_photo_is_a_pixel_narrower_with_phantom() -> None:
    picture = Image.new("RGB", (1333, 2000), "black")  # 319.92 pixels
    assert drawn_size(letterbox(picture, 480, 832)) == (320, 480)
    assert drawn_size(letterbox(picture, 480, 832, rounded_down=True)) == (319, 480)


@given(arrays(np.float32, (1, 3, 2, 2, 4), elements=st.floats(-1, 1, width=32)))
def test_levels_are_rounded_or_cut(values: np.ndarray) -> None:
    pixels = torch.from_numpy(values)
    nearest, cut = (as_levels(pixels, how).int().numpy() for how in ("nearest", "truncate"))
    exact = (values[0] / 2 + np.float32(0.5)).transpose(1, 2, 3, 0) * 255
    assert nearest.shape == (2, 2, 4, 3)
    assert (np.abs(nearest - exact) <= 0.5 + 1e-4).all()
    assert ((cut <= exact) & (exact < cut + 1)).all()
    assert set(np.unique(nearest - cut)) <= {0, 1}


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

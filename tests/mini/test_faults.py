from __future__ import annotations

import pytest
import torch

from tpige_kedro.mini.judges_training import faults
from tpige_kedro.mini.judges_training.rendering import Renderer


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    renderer = Renderer(torch.device("cpu"), 4, None)
    return renderer.single_frames(renderer.people(8), 8, portrait=False, decoded=False).images()


def test_coding_hurts_more_the_stronger_it_is(pictures: torch.Tensor) -> None:
    errors = [
        (faults.video_coding(pictures, torch.full((8, 1, 1, 1), s)) - pictures).abs().mean().item()
        for s in (0.0, 0.3, 1.0)
    ]
    assert 0 < errors[0] < errors[1] < errors[2] < 0.3


def test_the_cosine_basis_is_orthonormal() -> None:
    basis = faults.cosine_basis(torch.zeros(1))[0].flatten(1)
    assert torch.allclose(basis @ basis.T, torch.eye(64), atol=1e-5)


def test_blur_removes_detail_and_keeps_the_mean(pictures: torch.Tensor) -> None:
    detail = [
        (p[..., 1:] - p[..., :-1]).square().mean().item()
        for p in (pictures, faults.gaussian_blur(pictures, 2.0))
    ]
    assert detail[1] < 0.5 * detail[0]
    assert faults.gaussian_blur(pictures, 2.0).mean().item() == pytest.approx(
        pictures.mean().item(), abs=0.02
    )


def test_exposure_doubles_light_and_clips() -> None:
    gray = torch.full((1, 3, 2, 2), -0.5)
    assert torch.allclose(faults.expose(gray, torch.ones(1, 1, 1, 1)), torch.zeros(1, 3, 2, 2))
    assert faults.expose(gray, torch.full((1, 1, 1, 1), 4.0)).max() == 1


def test_shuffled_tiles_are_the_same_pixels_elsewhere(pictures: torch.Tensor) -> None:
    torch.manual_seed(0)
    shuffled = faults.shuffle_tiles(pictures)
    assert not torch.equal(shuffled, pictures)
    assert torch.equal(shuffled.flatten(1).sort().values, pictures.flatten(1).sort().values)


def test_a_covered_head_is_gone_and_the_rest_stays(pictures: torch.Tensor) -> None:
    here = torch.zeros(8)
    covered = faults.cover_head(pictures, here, here, torch.full((8,), 0.4))
    assert torch.equal(covered[..., :4, :], pictures[..., :4, :])
    assert not torch.equal(covered[..., 36:44, 36:44], pictures[..., 36:44, 36:44])


def test_what_is_left_to_see_falls_with_the_damage(pictures: torch.Tensor) -> None:
    torch.manual_seed(2)
    whole, left = faults.degraded(pictures, 0.0)
    assert torch.equal(whole, pictures)
    assert torch.equal(left, torch.ones(8))
    torch.manual_seed(2)
    broken, left = faults.degraded(pictures, 1.0)
    assert ((left >= 0.125) & (left < 1)).all()
    assert (broken - pictures).abs().flatten(1).mean(1).min() > 0

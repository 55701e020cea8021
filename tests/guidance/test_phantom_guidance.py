from __future__ import annotations

from typing import Any

import pytest
import torch
from guider_runs import run
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.guidance.phantom import PhantomGuidance

IT, IMAGE, N, W = (torch.randn(2, 3, generator=torch.Generator().manual_seed(i)) for i in range(4))
scales = st.floats(0, 12)


def test_it_is_the_published_equation_plus_the_identity_term() -> None:
    guider = PhantomGuidance(image_scale=5.0, text_weight=7.5, identity_weight=0.5)
    guider.set_state(0, 1, None)
    pred = guider.forward(IT, pred_uncond=IMAGE, pred_null=N, pred_weak=W).pred
    expected = N + 5.0 * (IMAGE - N) + 7.5 * (IT - IMAGE) + 0.5 * (IT - W)
    torch.testing.assert_close(pred, expected, atol=2e-5, rtol=0)


@given(scales, scales, scales)
def test_equal_branches_give_the_branch_back(image: float, text: float, identity: float) -> None:
    guider = PhantomGuidance(image_scale=image, text_weight=text, identity_weight=identity)
    assert sum(guider.factors().values()) == pytest.approx(1)
    guider.set_state(0, 1, None)
    names = guider.branches()
    pred = guider.forward(**dict.fromkeys(names, IT)).pred
    torch.testing.assert_close(pred, IT, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("settings", "branches"),
    [
        ({}, ["pred_cond", "pred_uncond", "pred_null"]),
        ({"identity_weight": 0.5}, ["pred_cond", "pred_uncond", "pred_null", "pred_weak"]),
        ({"identity_weight": 0.5, "image_scale": 1.0}, ["pred_cond", "pred_uncond", "pred_weak"]),
        ({"image_scale": 2.0, "text_weight": 2.0}, ["pred_cond", "pred_null"]),
        ({"image_scale": 1.0, "text_weight": 1.0}, ["pred_cond"]),
    ],
)
def test_only_branches_that_count_are_run(settings: dict[str, Any], branches: list[str]) -> None:
    assert run(PhantomGuidance(**settings), 3) == [branches] * 3


def test_the_cheaper_form_is_image_scale_one() -> None:
    guider = PhantomGuidance(image_scale=1.0, text_weight=7.5, identity_weight=0.5)
    guider.set_state(0, 1, None)
    pred = guider.forward(IT, pred_uncond=IMAGE, pred_weak=W).pred
    torch.testing.assert_close(pred, IMAGE + 7.5 * (IT - IMAGE) + 0.5 * (IT - W), atol=2e-5, rtol=0)


def test_a_disabled_guider_is_the_prediction_with_text_and_reference() -> None:
    guider = PhantomGuidance(identity_weight=0.5)
    guider.disable()
    assert run(guider, 2) == [["pred_cond"]] * 2
    assert torch.equal(guider.forward(IT).pred, IT)


def test_a_negative_image_scale_is_named() -> None:
    with pytest.raises(ValueError, match=r"image_scale.*-2"):
        PhantomGuidance(image_scale=-2)

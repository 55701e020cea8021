"""Guidance where steps are few: reuse from the first step on, rescaling, no unconditional branch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.guiders.guider_utils import rescale_noise_cfg
from guider_runs import run
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.guidance.id_aware import IdAwareGuidance, rescaled
from tpige_kedro.guidance.phantom import PhantomGuidance
from tpige_kedro.guidance.schedules import check_windows
from tpige_kedro.schemas import Guidance, Schedule

C, U, W, N = (torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(i)) for i in range(4))
COND, WEAK = "pred_cond", "pred_weak"


@pytest.mark.parametrize(
    ("settings", "steps", "weak"),
    [
        ({}, 4, [0, 1, 2, 3]),
        ({"reuse_every": 2}, 4, [0, 1, 2]),
        ({"reuse_every": 2, "first_steps": 1}, 4, [0, 2]),
        ({"reuse_every": 4, "first_steps": 1}, 4, [0]),
        ({"reuse_every": 4, "first_steps": 2}, 8, [0, 1, 4]),
        ({"reuse_every": 2, "first_steps": 1, "identity_schedule": {"start": 0.5}}, 4, [2]),
        ({"identity_schedule": {"start": 0.5}}, 4, [2, 3]),
        ({"reuse_every": 8, "first_steps": 3}, 8, [0, 1, 2]),
    ],
)
def test_the_weak_branch_runs_where_it_is_due_and_the_unconditional_one_never(
    settings: dict[str, Any], steps: int, weak: list[int]
) -> None:
    """At text weight 0 a guided run of n steps costs n forwards and those of the weak branch."""
    vace = IdAwareGuidance(text_weight=0.0, identity_weight=0.5, **settings)
    phantom = PhantomGuidance(image_scale=1.0, text_weight=1.0, identity_weight=0.5, **settings)
    expected = [[COND, WEAK] if step in weak else [COND] for step in range(steps)]
    assert run(vace, steps) == run(phantom, steps) == expected
    assert vace.forwards == phantom.forwards == {COND: steps, WEAK: len(weak)}


def test_two_branches_are_the_conditional_prediction_and_the_identity_term() -> None:
    guider = IdAwareGuidance(text_weight=0.0, identity_weight=0.5)
    guider.set_state(0, 4, None)
    assert torch.equal(guider.forward(C, pred_weak=W).pred, C + 0.5 * (C - W))
    phantom = PhantomGuidance(image_scale=1.0, text_weight=1.0, identity_weight=0.5)
    phantom.set_state(0, 4, None)
    torch.testing.assert_close(phantom.forward(C, pred_weak=W).pred, C + 0.5 * (C - W))


@given(st.floats(0, 1), st.floats(0, 10), st.floats(0, 3))
def test_rescaling_is_that_of_diffusers(phi: float, text: float, identity: float) -> None:
    eps = U + (1 + text) * (C - U) + identity * (C - W)
    wanted = rescale_noise_cfg(eps, C, guidance_rescale=phi)
    torch.testing.assert_close(rescaled(eps, C, phi), wanted, rtol=1e-5, atol=1e-5)


def test_rescaled_in_full_each_clip_has_the_deviation_of_its_conditional_prediction() -> None:
    guider = IdAwareGuidance(text_weight=6.0, identity_weight=0.5, rescale=1.0)
    guider.set_state(0, 4, None)
    pred = guider.forward(C, pred_uncond=U, pred_weak=W).pred
    torch.testing.assert_close(pred.std(dim=(1, 2)), C.std(dim=(1, 2)))
    phantom = PhantomGuidance(identity_weight=0.5, rescale=1.0)
    phantom.set_state(0, 4, None)
    pred = phantom.forward(C, pred_uncond=U, pred_null=N, pred_weak=W).pred
    torch.testing.assert_close(pred.std(dim=(1, 2)), C.std(dim=(1, 2)))


def test_a_step_without_guidance_is_not_touched_by_rescaling() -> None:
    late = {"schedule": {"start": 0.5}}
    guider = IdAwareGuidance(
        text_weight=4.0, text_schedule=late["schedule"], identity_weight=0.0, rescale=0.7
    )
    phantom = PhantomGuidance(image_scale=1.0, text_weight=1.0, identity_weight=0.0, rescale=0.7)
    for each in (guider, phantom):
        each.set_state(0, 4, None)
        assert torch.equal(each.forward(C).pred, C)


def test_a_reused_difference_is_rescaled_too() -> None:
    guider = IdAwareGuidance(
        text_weight=0.0, identity_weight=2.0, reuse_every=4, first_steps=1, rescale=1.0
    )
    guider.set_state(0, 4, None)
    guider.forward(C, pred_weak=W)
    guider.set_state(1, 4, None)
    pred = guider.forward(U).pred
    torch.testing.assert_close(pred, rescaled(U + 2.0 * (C - W), U, 1.0))


def test_constant_predictions_stay_finite() -> None:
    assert torch.isfinite(rescaled(torch.zeros(1, 4), torch.zeros(1, 4), 0.5)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"first_steps": 0, "reuse_every": 2}, "first_steps"),
        ({"rescale": 1.5}, "rescale"),
        ({"rescale": -0.1}, "rescale"),
        ({"first_steps": 1}, "first_steps: 1 has no effect without reuse"),
        ({"text_weight": 0.0, "rescale": 0.5}, r"rescale: 0\.5 has no effect"),
    ],
)
def test_settings_without_sense_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Guidance(**settings)


def test_settings_that_reuse_nothing_in_the_steps_of_the_run_are_refused_by_name() -> None:
    every_step = Guidance(identity_weight=0.5, reuse_every=4, first_steps=4)
    with pytest.raises(ValueError, match=r"guidance\.first_steps: with 4 and reuse_every 4, all 4"):
        check_windows(every_step, 4)
    check_windows(every_step, 8)
    narrow = every_step.model_copy(update={"identity_schedule": Schedule(start=0.5)})
    with pytest.raises(ValueError, match="all 4 steps of the window"):
        check_windows(narrow, 8)
    for allowed in ({"first_steps": 3}, {"identity_weight": 0.0}):
        check_windows(every_step.model_copy(update=allowed), 4)


def test_later_settings_leave_the_fingerprints_of_finished_clips_as_they_were() -> None:
    before = {
        "text_weight", "identity_weight", "skip_layers", "weak_branch",
        "text_schedule", "identity_schedule", "reuse_every",
    }  # fmt: skip
    assert Guidance().deciding().keys() == before
    assert Guidance(reuse_every=2, first_steps=3, rescale=0).deciding().keys() == before
    changed = Guidance(reuse_every=2, first_steps=1, rescale=0.5).deciding()
    assert changed.keys() == before | {"first_steps", "rescale"}
    assert (changed["first_steps"], changed["rescale"]) == (1, 0.5)

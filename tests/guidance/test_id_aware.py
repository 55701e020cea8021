from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.modular_pipelines.modular_pipeline import BlockState
from guider_runs import run
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.guidance.id_aware import IdAwareGuidance, guide
from tpige_kedro.schemas import Guidance

weights = st.floats(0, 20)
numbers = st.floats(-10, 10)
C, U, W = (torch.randn(2, 3, generator=torch.Generator().manual_seed(i)) for i in range(3))


@given(weights, weights, numbers)
def test_equal_branches_give_the_branch_back(text: float, identity: float, value: float) -> None:
    x = torch.tensor([value], dtype=torch.float64)
    assert guide(x, x, x - x, text, identity).item() == pytest.approx(value, abs=1e-9)


@given(weights, weights, numbers, numbers, numbers)
def test_the_combination_is_affine_with_the_weights_of_equation_3(
    text: float, identity: float, c: float, u: float, w: float
) -> None:
    expected = (1 + text + identity) * c - text * u - identity * w
    combined = guide(*(torch.tensor(x, dtype=torch.float64) for x in (c, u, c - w)), text, identity)
    assert combined.item() == pytest.approx(expected, abs=1e-8)


def test_reference_code_is_the_authors_two_step_form() -> None:
    guider = IdAwareGuidance.reference_code(cfg=5.0, g=0.5)
    p = U + 5.0 * (C - U)
    pred = guider(branches(guider)).pred
    torch.testing.assert_close(pred, p + 0.5 * (p - W), atol=1e-5, rtol=0)
    assert (guider.settings.text_weight, guider.settings.identity_weight) == (6.0, 0.5)
    torch.testing.assert_close(pred, 7.5 * C - 6 * U - 0.5 * W, atol=1e-5, rtol=0)


def test_paper_is_equation_3() -> None:
    guider = IdAwareGuidance.paper()
    expected = 5.5 * C - 4 * U - 0.5 * W
    torch.testing.assert_close(guider(branches(guider)).pred, expected, atol=1e-5, rtol=0)


def branches(guider: IdAwareGuidance) -> list[BlockState]:
    guider.set_state(0, 1, None)
    made = guider.prepare_inputs_from_block_state(BlockState(), {})
    for batch, prediction in zip(made, (C, U, W), strict=True):
        batch.noise_pred = prediction
    return made


def test_half_precision_is_combined_in_float32() -> None:
    guider = IdAwareGuidance.reference_code()
    batches = branches(guider)
    for batch in batches:
        batch.noise_pred = batch.noise_pred.bfloat16()
    c, u, w = (x.bfloat16().float() for x in (C, U, W))
    pred = guider(batches).pred
    assert pred.dtype == torch.float32
    torch.testing.assert_close(pred, 7.5 * c - 6 * u - 0.5 * w, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("settings", "forwards"),
    [
        ({}, 24),
        ({"identity_schedule": {"stop": 0.25}}, 18),
        ({"identity_weight": 0.0}, 16),
        ({"identity_weight": 0.0, "text_weight": 0.0}, 8),
        ({"text_weight": 0.0}, 16),
        ({"text_schedule": {"stop": 0.5}}, 20),
        ({"reuse_every": 4}, 20),  # steps 0, 1, 2 and 4
        ({"reuse_every": 2}, 21),
        ({"identity_schedule": {"start": 0.5}, "reuse_every": 8}, 19),
        ({"identity_schedule": {"decay": "linear"}}, 24),
    ],
)
def test_a_run_of_eight_steps_has_as_many_forwards_as_it_needs(
    settings: dict[str, Any], forwards: int
) -> None:
    guider = IdAwareGuidance(**{"text_weight": 4.0, "identity_weight": 0.5, **settings})
    assert sum(map(len, run(guider, 8))) == forwards == guider.forwards.total()


def test_a_reused_delta_meets_fresh_predictions_and_the_weight_of_its_step() -> None:
    guider = IdAwareGuidance(
        text_weight=4.0, identity_weight=0.5, reuse_every=8, identity_schedule={"decay": "linear"}
    )
    for step in range(4):
        guider.set_state(step, 8, None)
        if step < 3:
            guider.forward(C + step, pred_uncond=U, pred_weak=W)
    later = torch.ones_like(C)
    pred = guider.forward(later, pred_uncond=U).pred
    expected = U + 5 * (later - U) + 0.5 * (1 - 3 / 8) * (C + 2 - W)
    torch.testing.assert_close(pred, expected, atol=1e-5, rtol=0)


def test_a_new_run_does_not_reuse_the_delta_of_the_last() -> None:
    guider = IdAwareGuidance(identity_weight=0.5, reuse_every=4)
    run(guider, 8)
    guider.set_state(0, 8, None)
    guider.set_state(3, 8, None)
    with pytest.raises(RuntimeError, match="identity delta"):
        guider.forward(C, pred_uncond=U)


def test_a_disabled_guider_is_the_conditional_prediction() -> None:
    guider = IdAwareGuidance.paper()
    guider.disable()
    assert run(guider, 2) == [["pred_cond"]] * 2
    assert torch.equal(guider.forward(C).pred, C)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("text_weight", -1.0),
        ("identity_weight", -0.5),
        ("skip_layers", (-1,)),
        ("reuse_every", 0),
        ("identity_schedule", {"start": 0.6, "stop": 0.3}),
        ("identity_schedule", {"decay": "sudden"}),
        ("text_schedule", {"stop": 1.5}),
        ("text_schedule", {"rate": 0}),
    ],
)
def test_bad_settings_raise_at_construction_naming_key_and_value(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=key) as caught:
        IdAwareGuidance(**{key: value})
    wrong = value
    while isinstance(wrong, (dict, tuple)):
        wrong = next(iter(wrong.values())) if isinstance(wrong, dict) else wrong[0]
    assert str(wrong) in str(caught.value)


def test_the_config_survives_saving(tmp_path: Path) -> None:
    settings = Guidance(
        text_weight=6,
        identity_weight=0.5,
        skip_layers=(2, 3),
        identity_schedule={"decay": "cosine"},
        reuse_every=3,
    )
    guider = IdAwareGuidance.from_settings(settings)
    guider.save_pretrained(tmp_path)
    assert IdAwareGuidance.from_pretrained(tmp_path).settings == guider.settings == settings
    assert guider.new(reuse_every=5).settings.reuse_every == 5


def test_inputs_as_a_dictionary_give_each_branch_its_own_entry() -> None:
    guider = IdAwareGuidance.paper()
    made = guider.prepare_inputs({"encoder_hidden_states": (C, U, W), "timestep": U})
    assert [
        torch.equal(b.encoder_hidden_states, x) for b, x in zip(made, (C, U, W), strict=True)
    ] == [True] * 3
    assert all(batch.timestep is U for batch in made)

from __future__ import annotations

import pytest
import torch
from diffusers import WanTransformer3DModel, WanVACETransformer3DModel
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.guidance.skipping import check_skip_layers, hint_scale, skipped_layers
from tpige_kedro.guidance.weak_branch import fill_reference_frames, plain_twin, weak_control

SIZES = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "text_dim": 8,
    "freq_dim": 16,
    "ffn_dim": 16,
    "num_layers": 4,
    "rope_max_seq_len": 32,
}


@pytest.fixture(scope="module")
def vace() -> WanVACETransformer3DModel:
    torch.manual_seed(0)
    return WanVACETransformer3DModel(**SIZES, vace_layers=[0, 2]).eval()


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "hidden_states": torch.randn(1, 16, 3, 4, 4, generator=generator),
        "timestep": torch.tensor([900]),
        "encoder_hidden_states": torch.randn(1, 5, 8, generator=generator),
    }


@pytest.fixture(scope="module")
def control() -> torch.Tensor:
    return torch.randn(1, 96, 3, 4, 4, generator=torch.Generator().manual_seed(1))


@given(st.integers(0, 4), st.integers(1, 4))
def test_forms_of_the_control_tensor(references: int, frames: int) -> None:
    control = torch.randn(2, 96, references + frames, 4, 4) + 3  # hardly anywhere zero
    before = control.clone()
    blank = torch.full((1, 16, 1, 4, 4), 7.0)
    weak = {
        form: weak_control(form, control, references, blank)
        for form in ("as_published", "aligned", "blank_reference", "t2v", "with_reference")
    }
    video = control[:, :, references:]
    assert weak["t2v"] is None
    assert torch.equal(weak["as_published"], video)
    assert torch.equal(weak["with_reference"], control)
    for form in ("aligned", "blank_reference"):
        assert weak[form].shape == control.shape
        assert torch.equal(weak[form][:, :, references:], video)
    assert not weak["aligned"][:, :, :references].any()
    assert (weak["blank_reference"][:, :16, :references] == 7).all()
    assert not weak["blank_reference"][:, 16:, :references].any()
    assert torch.equal(control, before)


def test_an_unknown_form_is_named(control: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"weak_branch.*'blurred'"):
        weak_control("blurred", control, 1)


def test_the_twin_is_vace_without_hints_and_owns_no_memory(
    vace: WanVACETransformer3DModel, inputs: dict[str, torch.Tensor], control: torch.Tensor
) -> None:
    twin = plain_twin(vace)
    assert isinstance(twin, WanTransformer3DModel)
    own = {id(parameter) for parameter in vace.parameters()}
    assert all(id(parameter) in own for parameter in twin.parameters())
    with torch.no_grad():
        plain = twin(**inputs).sample
        hints_off = vace(
            **inputs, control_hidden_states=control, control_hidden_states_scale=torch.zeros(2)
        ).sample
    assert torch.equal(plain, hints_off)


def test_missing_reference_frames_come_from_cond() -> None:
    cond, weak = torch.randn(1, 2, 5, 2, 2), torch.randn(1, 2, 3, 2, 2)
    filled = fill_reference_frames(weak, cond)
    assert torch.equal(filled[:, :, :2], cond[:, :, :2])
    assert torch.equal(filled[:, :, 2:], weak)
    assert fill_reference_frames(cond, cond) is cond


def test_a_skipped_layer_is_as_if_it_were_not_there(
    vace: WanVACETransformer3DModel, inputs: dict[str, torch.Tensor]
) -> None:
    twin = plain_twin(vace)
    with torch.no_grad(), skipped_layers(twin, (1, 3)):
        skipped = twin(**inputs).sample
    shorter = WanTransformer3DModel(**{**SIZES, "num_layers": 2}).eval()
    weights = {
        name.replace("blocks.2.", "blocks.1."): value
        for name, value in twin.state_dict().items()
        if not name.startswith(("blocks.1.", "blocks.3."))
    }
    shorter.load_state_dict(weights)
    with torch.no_grad():
        assert torch.equal(skipped, shorter(**inputs).sample)


def test_blocks_are_restored_after_an_exception(vace: WanVACETransformer3DModel) -> None:
    before, names = vace.blocks, list(vace.state_dict())
    with pytest.raises(RuntimeError, match="weak pass"), skipped_layers(vace, (2,)):
        assert vace.blocks is not before
        raise RuntimeError("weak pass")
    assert vace.blocks is before
    assert list(vace.state_dict()) == names


def test_the_hint_of_a_skipped_layer_is_off() -> None:
    scale = torch.tensor([1.0, 0.5, 2.0])
    assert hint_scale(scale, [0, 5, 10], (5, 7)).tolist() == [1.0, 0.0, 2.0]
    assert hint_scale(scale, [0, 5, 10], ()).tolist() == scale.tolist()


def test_a_layer_out_of_range_is_named_with_the_model(vace: WanVACETransformer3DModel) -> None:
    check_skip_layers((0, 3), vace)
    with pytest.raises(
        ValueError, match=r"skip_layers: layer 4 .*WanVACETransformer3DModel.*0 to 3"
    ):
        check_skip_layers((2, 4), vace)


def test_skipping_recompiles_nothing(
    vace: WanVACETransformer3DModel, inputs: dict[str, torch.Tensor], control: torch.Tensor
) -> None:
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    compiled = WanVACETransformer3DModel.from_config(vace.config).eval()
    compiled.load_state_dict(vace.state_dict())
    compiled.compile_repeated_blocks(fullgraph=True, dynamic=False, backend="eager")
    arguments = {**inputs, "control_hidden_states": control}
    with torch.no_grad():
        torch.testing.assert_close(compiled(**arguments).sample, vace(**arguments).sample)
        graphs = counters["stats"]["unique_graphs"]
        assert graphs > 0
        with skipped_layers(vace, (2,)):
            expected = vace(**arguments).sample
        with skipped_layers(compiled, (2,)):
            torch.testing.assert_close(compiled(**arguments).sample, expected)
        compiled(**arguments)
    assert counters["stats"]["unique_graphs"] == graphs

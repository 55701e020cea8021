"""Linear layers in 8 bits: which ones, how exact, and with what they cannot be combined."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from tpige_kedro.networks.fp8 import FP8, Fp8Linear, quantise, to_fp8
from tpige_kedro.video_generators.wan_options import WanOptions

CPU = torch.device("cpu")


def test_values_lose_at_most_a_sixteenth_whatever_the_size_of_their_row() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor([1e-6, 1.0, 1e4]).view(3, 1)
    matrix = torch.randn(3, 4096, generator=generator) * sizes
    values, scale = to_fp8(matrix)
    assert values.dtype == FP8
    back = values.float() * scale
    normal = matrix.abs() > scale * 2.0**-6  # smaller ones have fewer bits
    assert float(((back - matrix).abs() / matrix.abs())[normal].max()) <= 1 / 16
    assert torch.equal(back.abs().amax(1), matrix.abs().amax(1)) or torch.allclose(
        back.abs().amax(1), matrix.abs().amax(1), rtol=1e-6
    )


def test_a_layer_keeps_shape_type_and_bias() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(32, 48).requires_grad_(False)
    x = torch.randn(2, 5, 32)
    layer = Fp8Linear(linear, computes=False)
    out = layer(x)
    assert out.shape == (2, 5, 48) and out.dtype == x.dtype
    expected = linear(x)
    assert 0 < float((out - expected).norm() / expected.norm()) < 0.04
    assert torch.equal(layer(torch.zeros(1, 32)), linear.bias[None])


def test_only_linear_layers_of_the_blocks_are_replaced() -> None:
    model = nn.ModuleDict(
        {
            "blocks": nn.ModuleList(
                [nn.ModuleDict({"q": nn.Linear(16, 16), "norm": nn.LayerNorm(16)})]
            ),
            "vace_blocks": nn.ModuleList([nn.ModuleDict({"proj_out": nn.Linear(16, 16)})]),
            "proj_out": nn.Linear(16, 16),
            "condition_embedder": nn.ModuleDict({"text": nn.Linear(16, 16)}),
        }
    )
    replaced: Any = quantise(model, CPU, computes=False)
    kinds = {
        name: type(module) for name, module in model.named_modules() if not list(module.children())
    }
    assert replaced == 2
    assert {name for name, kind in kinds.items() if kind is Fp8Linear} == {
        "blocks.0.q",
        "vace_blocks.0.proj_out",
    }


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"quantisation": "fp8", "fp8_storage": True}, "fp8_storage"),
        ({"quantisation": "fp8", "offload": "group"}, "offload: group"),
        ({"attention": "flash_3", "parallel": {"context": 2}}, "parallel.context"),
        ({"attention": "sage", "parallel": {"context": 2}}, "parallel.context"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        WanOptions(**options)

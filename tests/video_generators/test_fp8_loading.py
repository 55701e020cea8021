"""A transformer that is loaded into 8 bits: layer by layer, LoRAs first, whatever the layout of its files and wherever it will live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanVACETransformer3DModel
from loras.lora_files import low_rank_targets, matrices, save_lora
from safetensors.torch import save_file
from tiny_wan import OPTIONS, native_weights
from torch import nn

from tpige_kedro.errors import ModelError
from tpige_kedro.networks.fp8 import BLOCKS, Fp8Linear, quantise
from tpige_kedro.video_generators import acceleration
from tpige_kedro.video_generators.wan_vace import WanVace

HALF = {**OPTIONS, "dtype": "bfloat16"}


def in_16_bits(transformer: Any) -> list[str]:
    """Linear layers of the blocks whose weights are there in 16 bits."""
    return [
        name
        for name, module in transformer.named_modules()
        if isinstance(module, nn.Linear)
        and name.startswith(BLOCKS)
        and module.weight.dtype == torch.bfloat16
        and module.weight.device.type != "meta"
    ]


@pytest.mark.parametrize("offload", ["none", "model"])
@pytest.mark.parametrize("layout", ["diffusers", "native"])
def test_one_layer_at_most_stands_in_16_bits(
    vace_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    layout: str,
    offload: str,
) -> None:
    seen: list[int] = []
    real = acceleration.quantise_layer

    def watched(transformer: Any, name: str, *more: Any) -> bool:
        seen.append(len(in_16_bits(transformer)))
        return real(transformer, name, *more)

    monkeypatch.setattr(acceleration, "quantise_layer", watched)
    where: dict[str, Any] = {"source": str(vace_folder)}
    if layout == "native":
        plain = WanVACETransformer3DModel.from_pretrained(vace_folder / "transformer")
        save_file(native_weights(plain), tmp_path / "wan.safetensors")
        where = {"source": str(tmp_path / "wan.safetensors"), "base": str(vace_folder)}
    generator = WanVace(**where, **HALF, quantisation="fp8", offload=offload)
    assert max(seen) == 1
    assert in_16_bits(generator.transformer) == []
    layers = [m for m in generator.transformer.modules() if isinstance(m, Fp8Linear)]
    assert (
        len(layers) == 63
    )  # 6 blocks of 10, the first projection of VACE, the 2 behind its blocks
    assert generator.acceleration["linear_layers"] == "fp8 weights"


def test_the_weights_are_those_of_a_whole_model_with_the_lora_added_first(
    vace_folder: Path, tmp_path: Path
) -> None:
    options = {k: v for k, v in HALF.items() if k != "loras"}
    plain = WanVace(str(vace_folder), **options)
    pairs = matrices(plain.transformer, low_rank_targets(plain.transformer))
    file = save_lora(tmp_path / "some.safetensors", plain.transformer, "native", pairs)
    loras = ({"source": str(file), "scale": 0.5},)
    whole = WanVace(str(vace_folder), **options, loras=loras)
    quantise(whole.transformer, torch.device("cpu"), computes=False)
    streamed = WanVace(str(vace_folder), **options, loras=loras, quantisation="fp8")
    expected, held = whole.transformer.state_dict(), streamed.transformer.state_dict()
    assert expected.keys() == held.keys()
    for name, value in expected.items():
        assert torch.equal(held[name].view(torch.uint8), value.view(torch.uint8)), name


def test_a_lora_that_does_not_fit_ends_loading_before_the_first_tensor(
    vace_folder: Path, tmp_path: Path
) -> None:
    save_file({"blocks.9.attn1.to_q.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "x.safetensors")
    loras = ({"source": str(tmp_path / "x.safetensors")},)
    with pytest.raises(ModelError, match=r"x\.safetensors does not fit"):
        WanVace(str(vace_folder), **HALF, loras=loras, quantisation="fp8")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_in_8_bits_is_that_of_the_layer_in_every_type(
    dtype: torch.dtype, bias: bool
) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(64, 48, bias=bias).to(dtype).requires_grad_(False)
    x = torch.randn(2, 5, 64).to(dtype)
    layer, expanded = Fp8Linear(linear, computes=True), Fp8Linear(linear, computes=False)
    assert layer.computes
    out, expected = layer(x), linear(x)
    assert out.dtype == dtype and out.shape == expected.shape
    assert 0 < float((out - expected).float().norm() / expected.float().norm()) < 0.06
    assert torch.isfinite(layer(torch.zeros(1, 3, 64, dtype=dtype))).all()
    torch.testing.assert_close(out.float(), expanded(x).float(), atol=0.1, rtol=0.1)


@pytest.mark.parametrize(("ins", "outs"), [(24, 32), (32, 24), (40, 40)])
def test_sides_that_no_card_multiplies_in_8_bits_are_expanded(ins: int, outs: int) -> None:
    layer = Fp8Linear(nn.Linear(ins, outs).requires_grad_(False), computes=True)
    assert not layer.computes
    assert layer(torch.randn(3, ins)).shape == (3, outs)

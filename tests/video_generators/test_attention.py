"""Kernels of attention: which one is chosen, what is refused, and that the dispatch of diffusers runs the chosen one."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from diffusers import WanTransformer3DModel

from tpige_kedro.errors import ModelError
from tpige_kedro.video_generators import attention, flash_3
from tpige_kedro.video_generators.attention import chosen_attention, set_attention

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
HOPPER, AMPERE = (9, 0), (8, 0)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the machine look as if it had a card and packages."""

    def look_like(capability: tuple[int, int], *packages: str) -> None:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        monkeypatch.setattr(attention, "find_spec", lambda name: name if name in packages else None)

    return look_like


def test_auto_takes_flash_3_on_a_hopper_card_that_has_it(card: Any) -> None:
    card(HOPPER, "fa3_fwd_interface")
    assert chosen_attention("auto", GPU, torch.bfloat16, 128) == "flash_3"


@pytest.mark.parametrize(
    ("capability", "packages", "dtype", "head_dim"),
    [
        (AMPERE, ["fa3_fwd_interface"], torch.bfloat16, 128),
        ((10, 0), ["fa3_fwd_interface"], torch.bfloat16, 128),
        (HOPPER, ["sageattention"], torch.bfloat16, 128),
        (HOPPER, ["fa3_fwd_interface"], torch.float32, 128),
        (HOPPER, ["fa3_fwd_interface"], torch.float16, 128),
        (HOPPER, ["fa3_fwd_interface"], torch.bfloat16, 80),
    ],
)
def test_auto_falls_back_to_pytorch_where_flash_3_cannot_run(
    card: Any,
    capability: tuple[int, int],
    packages: list[str],
    dtype: torch.dtype,
    head_dim: int,
) -> None:
    card(capability, *packages)
    assert chosen_attention("auto", GPU, dtype, head_dim) == "native"
    with pytest.raises(ModelError, match=r"options\.attention: flash_3 cannot run"):
        chosen_attention("flash_3", GPU, dtype, head_dim)


def test_a_missing_package_is_named_with_what_installs_it(card: Any) -> None:
    card(HOPPER)
    with pytest.raises(ModelError, match=r"pip install 'tpige_kedro\[flash3\]'"):
        chosen_attention("flash_3_fp8", GPU, torch.bfloat16, 128)
    with pytest.raises(ModelError, match="pip install sageattention"):
        chosen_attention("sage", GPU, torch.bfloat16, 128)


@pytest.mark.parametrize("kernel", ["cudnn", "flash_3", "flash_3_fp8", "sage"])
def test_kernels_of_the_gpu_are_refused_on_a_cpu(kernel: Any) -> None:
    with pytest.raises(
        ModelError, match=f"{kernel} cannot run: it needs a GPU; set attention: auto"
    ):
        chosen_attention(kernel, CPU, torch.float32, 128)
    assert chosen_attention("auto", CPU, torch.float32, 128) == "native"


def test_the_kernel_of_the_package_is_what_every_attention_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[int, ...]] = []

    def forward(q: Any, k: Any, v: Any, softmax_scale: float, **descale: Any) -> Any:
        calls.append(tuple(q.shape))
        scale = [descale.get(f"{name}_descale") for name in "qkv"]
        q, k, v = (
            t.float() if s is None else t.float() * s[:, None, :, None]
            for t, s in zip((q, k, v), scale, strict=True)
        )
        heads = (t.transpose(1, 2) for t in (q, k, v))
        out = torch.nn.functional.scaled_dot_product_attention(*heads, scale=softmax_scale)
        return out.transpose(1, 2), None

    package = ModuleType("fa3_fwd_interface")
    package._flash_attn_forward = forward  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fa3_fwd_interface", package)
    flash_3.flash_3_backend.cache_clear()
    model, inputs = tiny_wan()
    with torch.no_grad():
        plain = model(**inputs)[0]
        set_attention(model, "flash_3")
        exact = model(**inputs)[0]
        assert len(calls) == 4  # two blocks, self and cross attention
        set_attention(model, "flash_3_fp8")
        in_fp8 = model(**inputs)[0]
        set_attention(model, "native")
        again = model(**inputs)[0]
    flash_3.flash_3_backend.cache_clear()
    assert len(calls) == 8
    torch.testing.assert_close(exact, plain)
    assert torch.equal(again, plain)
    error = float((in_fp8 - plain).norm() / plain.norm())
    assert 0 < error < 0.05


def tiny_wan() -> tuple[Any, dict[str, Any]]:
    torch.manual_seed(0)
    model: Any = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, num_layers=2, ffn_dim=32, text_dim=16
    )
    inputs = {
        "hidden_states": torch.randn(1, 16, 3, 4, 4),
        "timestep": torch.tensor([500]),
        "encoder_hidden_states": torch.randn(1, 8, 16),
        "return_dict": False,
    }
    return model.eval(), inputs

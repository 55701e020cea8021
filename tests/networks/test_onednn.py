"""oneDNN convolves what PyTorch does, to the last bits."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKLWan
from torch import nn
from torch.profiler import ProfilerActivity, profile

from tpige_kedro.networks.onednn import convolve_by_onednn
from tpige_kedro.rehearsal.layouts import wan

KINDS = [
    nn.Conv3d(2, 3, 3),
    nn.Conv3d(2, 3, (3, 1, 1), padding=(1, 0, 0)),
    nn.Conv3d(4, 6, 3, stride=2, padding=1, groups=2, bias=False),
    nn.Conv3d(2, 3, (1, 3, 3), dilation=(1, 2, 2)),
]


@pytest.mark.parametrize("layer", KINDS)
@pytest.mark.parametrize("clips", [1, 2])
def test_it_convolves_as_pytorch_does(layer: nn.Conv3d, clips: int) -> None:
    torch.manual_seed(1)
    clip = torch.randn(clips, layer.in_channels, 5, 9, 8)
    before = layer(clip)
    convolve_by_onednn(layer)
    torch.testing.assert_close(layer(clip), before, rtol=1e-4, atol=1e-5)


def kernels_of(vae: nn.Module, latents: torch.Tensor) -> set[str]:
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU]) as seen:
        vae.decode(latents)
    return {event.key for event in seen.key_averages()}


def test_a_vae_decodes_by_it() -> None:
    torch.manual_seed(1)
    vae, latents = AutoencoderKLWan(**dict(wan.SMALL_VAE)).eval(), torch.randn(1, 16, 2, 4, 6)
    with torch.no_grad():
        before = vae.decode(latents).sample
    assert "aten::slow_conv3d_forward" in kernels_of(vae, latents), "nothing is gained here"
    convolve_by_onednn(vae)
    kernels = kernels_of(vae, latents)
    assert "aten::mkldnn_convolution" in kernels
    with torch.no_grad():
        torch.testing.assert_close(vae.decode(latents).sample, before, rtol=1e-3, atol=1e-4)


def test_a_build_without_it_convolves_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    layer = nn.Conv3d(2, 3, 3)
    convolve_by_onednn(layer)
    assert "_conv_forward" not in vars(layer)

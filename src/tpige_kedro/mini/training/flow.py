"""Flow matching: noise levels, the training target, and the transformer behind one call."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SHIFT = 2.0  # the flow shift that the mini schedulers use


def sample_sigmas(n: int, device: torch.device) -> Tensor:
    """Noise levels in (0, 1): shifted logit-normal, with some uniform ones so that no level is forgotten."""
    u = torch.sigmoid(1.1 * torch.randn(n, device=device))
    u = torch.where(torch.rand(n, device=device) < 0.15, torch.rand(n, device=device), u)
    return SHIFT * u / (1 + (SHIFT - 1) * u)


def add_noise(clean: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """x_t = (1 - sigma) x + sigma e and the velocity e - x that the transformer has to predict."""
    noise = torch.randn_like(clean)
    level = sigma.view(-1, 1, 1, 1, 1)
    return (1 - level) * clean + level * noise, noise - clean


class Velocity(nn.Module):
    """A Wan transformer under autocast: positional tensors in, velocity out (CUDA graphs take no keywords)."""

    def __init__(self, transformer: nn.Module, with_control: bool) -> None:
        super().__init__()
        self.transformer, self.with_control = transformer, with_control

    def forward(self, x: Tensor, timestep: Tensor, text: Tensor, *control: Tensor) -> Tensor:
        """x (n, 16, f, h, w), timestep (n,), text (n, L, D); VACE: the control tensor and the scale of each hint."""
        names = ("control_hidden_states", "control_hidden_states_scale")
        extra = dict(zip(names, control, strict=True)) if self.with_control else {}
        with torch.autocast(
            x.device.type, dtype=torch.bfloat16, enabled=x.is_cuda, cache_enabled=False
        ):
            velocity: Tensor = self.transformer(
                hidden_states=x,
                timestep=timestep,
                encoder_hidden_states=text,
                return_dict=False,
                **extra,
            )[0].float()
        return velocity


def is_block_matrix(name: str, parameter: nn.Parameter) -> bool:
    """The weight matrices inside transformer and text blocks: what Muon steps."""
    inside = "blocks." in name or "block." in name
    return (
        inside
        and parameter.ndim == 2
        and min(parameter.shape) >= 96
        and "embed" not in name
        and "shared" not in name
    )

"""A LoRA while it is trained, and its file: W + up @ down for the linear layers of a transformer, in the layout of diffusers and peft."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

FILE = "pytorch_lora_weights.safetensors"  # what diffusers calls it
LEFT_OUT = ("text_embedder",)  # sees the prompt only, neither noise nor time


def adapted_layers(transformer: nn.Module) -> list[str]:
    """The linear layers that get a change: those of all blocks and hints, of the timestep, and the last one."""
    return [
        name
        for name, module in transformer.named_modules()
        if isinstance(module, nn.Linear) and not any(part in name for part in LEFT_OUT)
    ]


class TrainedLora(nn.Module):
    """The factors of every adapted layer of a frozen ``transformer``; at first up is zero, so that nothing changes.

    The file gives no alpha, which stands for the rank: a change is up @ down, multiplied by nothing.
    """

    def __init__(self, transformer: nn.Module, rank: int) -> None:
        super().__init__()
        self.rank, self.names = rank, adapted_layers(transformer)
        layers: list[Any] = [transformer.get_submodule(name) for name in self.names]
        frozen: list[Tensor] = [layer.weight.detach() for layer in layers]
        self._frozen = frozen
        self.down = nn.ParameterList([_first_down(rank, w) for w in frozen])
        self.up = nn.ParameterList([nn.Parameter(w.new_zeros(len(w), rank)) for w in frozen])

    def merged(self) -> dict[str, Tensor]:
        """The changed weights by parameter name, with gradients to the factors."""
        return {
            f"{name}.weight": torch.addmm(weight, up, down)
            for name, weight, up, down in zip(
                self.names, self._frozen, self.up, self.down, strict=True
            )
        }

    @property
    def factors(self) -> list[nn.Parameter]:
        """What is trained."""
        return [*self.down, *self.up]

    def save(self, folder: Path, factors: Sequence[Tensor]) -> None:
        """Write ``factors`` (in the order of :attr:`factors`) as float16, whole or not at all."""
        count = len(self.names)
        weights: dict[str, Tensor] = {}
        for name, down, up in zip(self.names, factors[:count], factors[count:], strict=True):
            weights[f"transformer.{name}.lora_A.weight"] = down.detach().half().cpu().contiguous()
            weights[f"transformer.{name}.lora_B.weight"] = up.detach().half().cpu().contiguous()
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{FILE}.partial"
        save_file(weights, unfinished, {"format": "pt"})
        os.replace(unfinished, folder / FILE)


def _first_down(rank: int, weight: Tensor) -> nn.Parameter:
    width = weight.shape[1]
    return nn.Parameter(torch.randn(rank, width, device=weight.device) / math.sqrt(width))

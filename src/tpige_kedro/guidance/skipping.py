"""Skips transformer blocks for one forward, by swapping the list of blocks.

A skipped block passes its input on (paper section 3.4: the weak model). Swapping needs no hooks and no private interface, costs no
recompilation of the blocks, and works for VACE and plain Wan alike. In VACE the hint of a layer is added *outside* the
block, so that skipping a layer also sets the scale of its hint to zero (:func:`hint_scale`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class PassThrough(nn.Module):
    """A block that is left out: returns its input, ignores text, time and positions."""

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """``hidden_states`` as they came."""
        return hidden_states


@contextmanager
def skipped_layers(transformer: nn.Module, layers: Sequence[int]) -> Iterator[None]:
    """Run the body with ``transformer.blocks[i]``, i in ``layers``, left out; restored whatever happens in the body."""
    if not layers:
        yield
        return
    blocks: Any = transformer.blocks
    transformer.blocks = nn.ModuleList(
        [PassThrough() if i in layers else block for i, block in enumerate(blocks)]
    )
    try:
        yield
    finally:
        transformer.blocks = blocks


def check_skip_layers(layers: Sequence[int], transformer: Any) -> None:
    """Raise ``ValueError`` if ``layers`` names a block that ``transformer`` does not have."""
    count = len(transformer.blocks)
    for layer in layers:
        if not 0 <= layer < count:
            raise ValueError(
                f"guidance.skip_layers: layer {layer} is out of range, "
                f"{type(transformer).__name__} has layers 0 to {count - 1}"
            )


def hint_scale(
    scale: torch.Tensor, vace_layers: Sequence[int], skip_layers: Sequence[int]
) -> torch.Tensor:
    """``control_hidden_states_scale`` (one entry per VACE layer) with the hints of ``skip_layers`` turned off."""
    kept = [0.0 if layer in skip_layers else 1.0 for layer in vace_layers]
    return scale * torch.tensor(kept, dtype=scale.dtype, device=scale.device)

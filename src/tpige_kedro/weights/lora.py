"""LoRA: a change of low rank, W + scale * alpha / rank * up @ down, computed in float32 and added for good."""

from __future__ import annotations

import torch


def low_rank_change(
    down: torch.Tensor, up: torch.Tensor, alpha: float | None = None, scale: float = 1.0
) -> torch.Tensor:
    """scale * alpha / rank * up @ down, (out, in), float32.

    Args:
        down: (rank, in), or (rank, in, ...) of a convolution, whose inner sizes are flattened.
        up: (out, rank), or (out, rank, 1, ...).
        alpha: as the file has it; ``None`` means that it equals the rank.
        scale: how strongly the LoRA acts; 1 as trained.

    >>> down, up = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]])
    >>> low_rank_change(down, up, alpha=2.0)
    tensor([[ 6., 12.],
            [ 8., 16.]])
    """
    rank = down.shape[0]
    factor = scale * (rank if alpha is None else alpha) / rank
    return up.float().flatten(1) @ down.float().flatten(1) * factor


@torch.no_grad()
def add_change(parameter: torch.Tensor, change: torch.Tensor) -> None:
    """Add ``change`` to ``parameter`` in float32 and round once, to the type of ``parameter``.

    >>> weight = torch.ones(2, dtype=torch.bfloat16)
    >>> add_change(weight, torch.tensor([1.0, 2.0]))
    >>> weight
    tensor([2., 3.], dtype=torch.bfloat16)
    """
    summed = parameter.float() + change.to(parameter.device).view_as(parameter)
    parameter.copy_(summed.to(parameter.dtype))

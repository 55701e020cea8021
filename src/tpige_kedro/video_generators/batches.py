"""Requests that can run together, and what the transformer sees of them as one batch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

import torch

Item = TypeVar("Item")
Conditions = dict[str, torch.Tensor | None]  # of one clip, batch dimension 1


def batches(
    items: Sequence[Item], size: int, key: Callable[[Item], Hashable]
) -> Iterator[list[Item]]:
    """Lists of up to ``size`` items of equal ``key``, in the order of the items."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    for group in groups.values():
        for start in range(0, len(group), size):
            yield group[start : start + size]


def stacked(
    conditions: Sequence[Conditions], device: torch.device, dtype: torch.dtype
) -> Conditions:
    """The conditions of several clips, which have the same names and shapes, along the batch dimension."""
    batch: Conditions = {}
    for name in conditions[0]:
        parts = [part for one in conditions if (part := one[name]) is not None]
        batch[name] = torch.cat(parts).to(device, dtype) if parts else None
    return batch

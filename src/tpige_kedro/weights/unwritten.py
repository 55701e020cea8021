"""Tensors that a download left unwritten: tools that set aside room for a file leave zeros where they did not get to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 2**20  # bytes; smaller matrices, and vectors, may be zero in a whole file


def unwritten(held: Mapping[str, Tensor]) -> list[str]:
    """The large matrices in which every number is zero.

    One row of each is read, all of it only if that row is zero: of a mapped file, hardly anything.

    >>> import torch
    >>> unwritten({"a": torch.zeros(512, 1024), "b": torch.ones(512, 1024), "c": torch.zeros(9)})
    ['a']
    """
    return [name for name, tensor in sorted(held.items()) if _is_unwritten(tensor)]


def _is_unwritten(tensor: Tensor) -> bool:
    if tensor.ndim < 2 or tensor.nbytes < LEAST:
        return False
    return not _has_numbers(tensor[len(tensor) // 2]) and not _has_numbers(tensor)


def _has_numbers(tensor: Tensor) -> bool:
    import torch

    if tensor.itemsize == 1:  # 8 bits have no `any` of their own
        tensor = tensor.contiguous().view(torch.uint8)
    return bool(tensor.any())

"""Random numbers as the bytes of tensors, for checkpoints of any size: a block of them is drawn once and used again and again."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

LENGTH = 2**22 + 7  # of the block: no multiple of a row, so that rows of a matrix differ
POSITIONS = "position_ids"


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of a checkpoint: its shape and its type on disk."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Its size on disk."""
        return self.count * self.dtype.itemsize


def constant_of(name: str, spec: TensorSpec) -> float | None:
    """The number that fills a tensor, or None for random ones: biases are zero, and scales and variances one.

    >>> constant_of("blocks.0.norm1.weight", TensorSpec((8,), torch.bfloat16))
    1.0
    >>> constant_of("blocks.0.norm1.linear.weight", TensorSpec((8, 4), torch.bfloat16)) is None
    True
    """
    last = name.rpartition(".")[2]
    if last in {"running_mean", "num_batches_tracked"}:
        return 0.0
    if math.prod(spec.shape[1:]) > 1:
        return None
    return 0.0 if last.endswith("bias") else 1.0


def deviation(spec: TensorSpec) -> float:
    """The standard deviation of random weights that keeps the size of what passes through: one over the root of the inputs.

    >>> deviation(TensorSpec((8, 16), torch.float32))
    0.25
    """
    table = spec.shape[0] == 1  # of modulation: (1, 6, width)
    return float((spec.shape[-1] if table else math.prod(spec.shape[1:])) ** -0.5)


class RandomValues:
    """Normal numbers that differ from tensor to tensor and are the same each time."""

    def __init__(self, length: int = LENGTH, seed: int = 0) -> None:
        self._length = length
        generator = torch.Generator().manual_seed(seed)
        self._block = torch.randn(2 * length, generator=generator)

    def pieces(self, name: str, spec: TensorSpec) -> Iterator[torch.Tensor]:
        """The values of a tensor, flat, in pieces of at most the block's length."""
        piece = self._piece(name, spec)
        for start in range(0, spec.count, self._length):
            yield piece[: min(self._length, spec.count - start)]

    def tensor(self, name: str, spec: TensorSpec) -> torch.Tensor:
        """The whole tensor."""
        return torch.cat([*self.pieces(name, spec)]).reshape(spec.shape)

    def _piece(self, name: str, spec: TensorSpec) -> torch.Tensor:
        count = min(self._length, spec.count)
        if name.endswith(POSITIONS):
            return torch.arange(count).to(spec.dtype)
        constant = constant_of(name, spec)
        if constant is not None:
            return torch.full((count,), constant, dtype=spec.dtype)
        start = zlib.crc32(name.encode()) % self._length
        return (self._block[start : start + count] * deviation(spec)).to(spec.dtype)


def hollow(shape: Sequence[int], dtype: torch.dtype, value: float) -> torch.Tensor:
    """One number, repeated without taking room."""
    return torch.tensor(value, dtype=dtype).expand(tuple(shape))

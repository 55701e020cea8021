"""Weights made by rule from names and shapes: the same on every machine and with every version of the libraries.

What a library draws for a new network may change with its version; these don't. They are large enough that what a network makes
depends visibly on what goes in.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

LONGEST = 10_007  # numbers drawn for a tensor, repeated to its size


def rule_weight(key: str, shape: Iterable[int]) -> torch.Tensor:
    """The tensor of one key: normal numbers divided by the root of the inputs of a matrix, near one in norms, small in biases."""
    shape, kind = tuple(shape), key.rpartition(".")[2]
    if kind == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    size = math.prod(shape)
    drawn = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(min(size, LONGEST))
    z = np.resize(drawn, size).reshape(shape)
    if kind == "running_var":
        z = 1 + 0.5 * np.abs(z)
    elif kind in {"bias", "running_mean"}:
        z = 0.1 * z
    elif len(shape) < 2 or "norm" in key or kind == "gamma":
        z = 1 + 0.1 * z
    else:
        z = z / math.prod(shape[1:]) ** 0.5
    return torch.from_numpy(np.asarray(z, np.float32))


def rule_weights(
    shapes: Mapping[str, Iterable[int]], gains: Mapping[str, float] | None = None
) -> dict[str, torch.Tensor]:
    """The tensors of a network by name and shape.

    Matrices whose name begins with one of ``gains`` are multiplied by it: where a part has little influence at this size.
    """
    made = {key: rule_weight(key, shape) for key, shape in shapes.items()}
    return {key: _gain(key, gains or {}) * w if w.ndim > 1 else w for key, w in made.items()}


def refill(folder: Path, gains: Mapping[str, float] | None = None) -> Path:
    """Give every network below ``folder`` weights by rule; names, shapes and types stay."""
    for file in sorted(folder.rglob("*.safetensors")):
        with safe_open(file, "pt") as old:
            tensors, metadata = {key: old.get_tensor(key) for key in old.keys()}, old.metadata()  # noqa: SIM118
        made = rule_weights({key: tensor.shape for key, tensor in tensors.items()}, gains)
        save_file({key: made[key].to(old.dtype) for key, old in tensors.items()}, file, metadata)
    return folder


def _gain(key: str, gains: Mapping[str, float]) -> float:
    return next((gain for start, gain in gains.items() if key.startswith(start)), 1.0)

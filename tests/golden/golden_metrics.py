"""The golden files of the metrics, and the weights that their networks had: made by rule from key, shape and salt."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

GOLDEN = Path(os.environ.get("TPIGE_GOLDEN", Path(__file__).parent)) / "metrics"


def read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / name) as file:
        return dict(file)


def rule_weight(key: str, shape: tuple[int, ...], salt: str, has_bias: bool) -> np.ndarray:
    """The tensor of one key, float64."""
    z = np.random.RandomState(zlib.crc32((salt + key).encode())).standard_normal(shape)
    kind = key.rpartition(".")[2]
    if kind == "num_batches_tracked":
        return np.zeros(shape)
    if kind == "running_var":
        return 0.5 + np.abs(z)
    if kind in ("running_mean", "bias"):
        return 0.1 * z
    if kind != "weight":
        return 0.5 * z
    if len(shape) >= 2:
        return z / np.sqrt(np.prod(shape[1:]))
    return 1 + 0.1 * z if has_bias else 0.25 + 0.05 * z


def rule_state_dict(
    shapes: Mapping[str, tuple[int, ...]], salt: str, gain: float = 1
) -> dict[str, Tensor]:
    """All tensors of a network; ``gain`` multiplies those of two and more dimensions."""
    made = {}
    for key, shape in shapes.items():
        bias = f"{key.removesuffix('weight')}bias" in shapes
        value = torch.from_numpy(np.asarray(rule_weight(key, shape, salt, bias)))
        if key.endswith("num_batches_tracked"):
            made[key] = value.to(torch.int64)
        else:
            made[key] = value.to(torch.float32) * (gain if len(shape) >= 2 else 1)
    return made


def published_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """The keys of a published checkpoint, in order, with their shapes."""
    return {key: tuple(shape) for key, shape, *_ in read(f"{name}_state_dict.json")}


def ruled(network: nn.Module, name: str, gain: float = 1) -> nn.Module:
    """``network`` with the weights that the golden files were made with; the published layout has to fit strictly."""
    state = rule_state_dict(published_shapes(name), read("meta.json")["salt"], gain)
    network.load_state_dict(state, strict=True)
    return network.eval()

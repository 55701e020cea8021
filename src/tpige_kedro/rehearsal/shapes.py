"""Which tensors a network has, by the library's own class on the device ``meta``: no memory, no numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import torch

from tpige_kedro.rehearsal.values import TensorSpec


def meta(build: Callable[[], Any]) -> Any:
    """The network without numbers."""
    with torch.device("meta"):
        return build()


def tensors_of(
    network: Any,
    dtype: torch.dtype | None = None,
    rename: Callable[[str], str] = str,
    without: Collection[str] = (),
) -> dict[str, TensorSpec]:
    """The tensors of a network under their published names, floating-point ones in ``dtype`` (None: in their own).

    ``without`` are names (of the class) that the published files leave out because another tensor is the same.
    """
    found = {}
    for name, value in network.state_dict().items():
        if name not in without:
            kind = dtype if dtype is not None and value.is_floating_point() else value.dtype
            found[rename(name)] = TensorSpec(tuple(value.shape), kind)
    return found


def parameters(tensors: dict[str, TensorSpec]) -> int:
    """How many numbers there are."""
    return sum(math.prod(spec.shape) for spec in tensors.values())

"""Which device a network runs on."""

from __future__ import annotations

from typing import Any

import torch

from tpige_kedro.errors import ModelError


def pick_device(device: torch.device | str | None = None) -> torch.device:
    """The device asked for, else the GPU if there is one, else the CPU."""
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def spread(network: Any, device: torch.device, gib: float) -> Any:
    """``network`` computing on ``device`` with at most ``gib`` GiB of weights there; each other layer comes when it computes.

    A network of transformers in host memory; one that is small enough goes to the device whole, and on a CPU nothing moves.

    Raises:
        ModelError: ``gib`` is less than the largest layer takes.
    """
    if device.type == "cpu":
        return network
    from accelerate import dispatch_model

    index = device.index or 0
    return dispatch_model(network, layer_places(network, index, gib), main_device=index)


def layer_places(network: Any, index: int, gib: float) -> dict[str, int | str]:
    """Where the layers of ``network`` go: the GPU ``index`` as long as ``gib`` GiB last, then ``cpu``."""
    from accelerate import infer_auto_device_map

    places: dict[str, int | str] = infer_auto_device_map(
        network,
        {index: int(gib * 2**30), "cpu": 2**60},
        no_split_module_classes=list(network._no_split_modules or ()),
    )
    if index not in places.values():
        raise ModelError(f"gpu_gib: no layer fits into {gib} GiB; take more")
    return places

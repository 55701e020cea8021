"""Small networks on disk: ``config.json`` (class and sizes) and ``model.safetensors`` in half precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from tpige_kedro.errors import ModelError, first_line
from tpige_kedro.weights.checkpoints import read_checkpoint, read_json
from tpige_kedro.weights.filling import load_whole

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
MADE_AGAIN = "restore data/06_models/mini or train it again with `kedro run --pipelines=train_mini`"
Network = TypeVar("Network", bound=nn.Module)


def half(tensor: Tensor) -> Tensor:
    """Floating numbers as float16, counters as they are; contiguous, on the CPU."""
    tensor = tensor.detach().cpu()
    return (tensor.half() if tensor.is_floating_point() else tensor).contiguous()


def save_network(network: nn.Module, folder: Path, settings: dict[str, Any] | None = None) -> None:
    """Write ``network`` to ``folder``; ``settings`` are the constructor's arguments that differ from the defaults."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {"class": type(network).__name__, "settings": settings or {}}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    save_file({name: half(value) for name, value in network.state_dict().items()}, folder / WEIGHTS)


def load_network(
    cls: type[Network], folder: str | Path, device: torch.device | str = "cpu"
) -> Network:
    """The network saved in ``folder``, in float32, ready to predict.

    Raises:
        ModelError: a file is missing, or the folder holds another class or other sizes.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ModelError(f"mini model {folder}: {name} is missing; {MADE_AGAIN}")
    config = read_json(folder / CONFIG)
    if config.get("class") != cls.__name__:
        raise ModelError(
            f"mini model {folder}: holds a {config.get('class', 'network of unknown class')}, not a {cls.__name__}; set models.<name>.source"
        )
    try:
        network = cls(**config.get("settings", {}))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"mini model {folder}: the settings in {CONFIG} make no {cls.__name__} ({first_line(error)}); {MADE_AGAIN}"
        ) from error
    load_whole(network, read_checkpoint(folder / WEIGHTS), MADE_AGAIN)
    return network.float().eval().to(device)

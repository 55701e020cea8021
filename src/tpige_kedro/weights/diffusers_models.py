"""Networks in diffusers' layout (``config.json`` beside safetensors), from a local folder straight to where they compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from tpige_kedro.errors import ModelError
from tpige_kedro.weights.checkpoints import Checkpoint, read_checkpoint
from tpige_kedro.weights.filling import fill
from tpige_kedro.weights.whole import cannot_load, check_whole, read_json

CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"

Begin = Callable[[Any], Callable[[str], None]]  # given the empty network, what follows each tensor


def load_network(
    cls: Any,
    folder: Path,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    begin: Begin | None = None,
) -> Any:
    """A network of diffusers, ready to predict, with what its class keeps in float32 kept so.

    The weights go from the mapped file to ``device``, tensor by tensor: the host never holds a copy of all. ``begin`` gets the
    network before, and returns what is called with the name of each tensor once it is there.

    Raises:
        ModelError: a file is missing or damaged, another class is in ``folder``, or the tensors are not exactly those of the network.
    """
    config = read_json(folder / CONFIG)
    check_class(cls, config.get("_class_name"), folder)
    index = folder / f"{WEIGHTS}.index.json"
    checkpoint = read_checkpoint(index if index.is_file() else folder / WEIGHTS)
    return filled(cls, config, checkpoint, dtype, device, begin)


def check_class(cls: Any, name: str | None, folder: Path) -> None:
    """Refuse a config that was written for another class: its weights would fit in part, or under other names."""
    if name != cls.__name__:
        raise ModelError(
            f"{folder} holds a {name or 'network of unknown class'}, not a {cls.__name__}; set models.<name>.source to the right model, or models.<name>.type "
            "to the class that runs it"
        )


def filled(
    cls: Any,
    config: Mapping[str, Any],
    checkpoint: Checkpoint,
    dtype: torch.dtype,
    device: torch.device | str,
    begin: Begin | None = None,
) -> Any:
    """A network of class ``cls`` with the sizes of ``config`` and the tensors of ``checkpoint``, which are used up."""
    try:
        network = empty(cls, config, dtype)
    except (ValueError, TypeError, KeyError) as error:
        raise cannot_load(cls.__name__, checkpoint.where, error) from error
    tensors = checkpoint.tensors
    network._fix_state_dict_keys_on_load(tensors)  # names of attention layers in old files
    ignorable = tuple(cls._keys_to_ignore_on_load_unexpected or ())
    wanted = network.state_dict()
    check_whole(cls.__name__, checkpoint.where, wanted, tensors, ignorable=ignorable)
    fill(network, tensors, device, precision(cls, dtype), begin and begin(network))
    return network.eval()


def precision(cls: Any, dtype: torch.dtype) -> Callable[[str], torch.dtype]:
    """The precision of each tensor by its name: ``dtype``, or float32 for the modules that ``cls`` keeps so."""
    kept = set(cls._keep_in_fp32_modules or ())
    return lambda name: torch.float32 if kept & set(name.split(".")) else dtype


def empty(cls: Any, config: Mapping[str, Any], dtype: torch.dtype) -> Any:
    """The network without memory for its weights; what it computes itself (tables of positions) is present.

    It is built as ``from_pretrained`` builds it, with ``dtype`` as the default one.
    """
    from accelerate import init_empty_weights

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with init_empty_weights():
            return cls.from_config(dict(config))
    finally:
        torch.set_default_dtype(before)

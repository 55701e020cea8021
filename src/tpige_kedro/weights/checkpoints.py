"""Checkpoints on disk as tensors by name: one file, or the shards that an index lists. Read safely, and only if they are whole.

The tensors are mapped: a number is read from disk when it is used, and takes none of the process's own memory until then.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tpige_kedro.errors import ModelError, first_line
from tpige_kedro.weights.wanted import INDEX
from tpige_kedro.weights.whole import again, read_json, some

SAFETENSORS = ".safetensors"
NESTED = ("state_dict", "model", "module", "params", "params_ema")  # where training keeps tensors
PREFIXES = ("module.", "model.", "_orig_mod.", "model.diffusion_model.")  # of wrapped networks


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, mapped from ``where``: a file, or the index of several."""

    where: Path
    tensors: dict[str, Tensor]


def read_checkpoint(file: Path) -> Checkpoint:
    """The tensors of a ``.safetensors`` file, of a torch file, or of the shards that an index (``*.safetensors.index.json``) lists.

    Raises:
        ModelError: a file is missing, damaged, cut short, or no plain tensors; shards and index do not agree.
    """
    if file.name.endswith(INDEX):
        return Checkpoint(file, _read_shards(file))
    if file.suffix == SAFETENSORS:
        return Checkpoint(file, _read_safetensors(file))
    return Checkpoint(file, read_state_dict(file))


def _read_shards(index: Path) -> dict[str, Tensor]:
    """All tensors of the shards; each has to be where the index says, and none may be there that it does not know."""
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ModelError(f"{index} lists no shards; {again(index)}")
    names = sorted({str(shard) for shard in places.values()})
    if absent := [name for name in names if not (index.parent / name).is_file()]:
        count = f"{len(absent)} of the {len(names)} shards that {index} lists"
        raise ModelError(f"{count} are missing: {some(absent)}; {again(index)}")
    tensors: dict[str, Tensor] = {}
    for name in names:
        shard = _read_safetensors(index.parent / name)
        _check_shard(index, name, {key for key, place in places.items() if place == name}, shard)
        tensors |= shard
    return tensors


def _check_shard(index: Path, name: str, listed: set[str], held: Mapping[str, Tensor]) -> None:
    problems = {
        "lacks tensors that {0} places there": sorted(listed - held.keys()),
        "holds tensors that {0} does not place there": sorted(held.keys() - listed),
    }
    for problem, keys in problems.items():
        if keys:
            found = f"{problem.format(index.name)} ({some(keys)})"
            raise ModelError(f"{index.parent / name} {found}; {again(index)}")


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, whose header has to cover the file to its last byte."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (OSError, SafetensorError, ValueError) as error:
        reason = "no such file" if not file.exists() else first_line(error)
        raise ModelError(
            f"{file} is not a complete safetensors file ({reason}); {again(file)}"
        ) from error


class Inert:
    """Stands in a loaded checkpoint for whatever is not a tensor: it takes all arguments and does nothing."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def read_state_dict(file: Path) -> dict[str, Tensor]:
    """The tensors of a torch file (``.pth``, ``.bin``, ``.pt``), read without running code from it.

    A training checkpoint keeps them under one of :data:`NESTED`, with settings and numbers of the training beside them. What torch
    does not count as safe is replaced by :class:`Inert`, so that nothing of it is imported or called.

    Raises:
        ModelError: not a torch file, or damaged, or without exactly one state dict.
    """
    try:
        content = _load_plain(file)
    except Exception as error:  # a damaged pickle fails in many ways
        raise ModelError(
            f"{file} cannot be read as plain tensors ({first_line(error)}); {again(file)}, or save its tensors as .safetensors"
        ) from error
    if not isinstance(content, Mapping):
        raise ModelError(f"{file} holds no state dict; {again(file)}")
    if _is_state_dict(content):
        return dict(content)
    found = [name for name in NESTED if _is_state_dict(content.get(name))]
    if len(found) > 1:
        raise ModelError(
            f"{file} holds several state dicts ({', '.join(found)}); save the one to use as .safetensors"
        )
    if not found:
        raise ModelError(f"{file} holds no state dict; {again(file)}")
    return dict(content[found[0]])


def without_prefix(tensors: Mapping[str, Tensor], wanted: Mapping[str, Any]) -> dict[str, Tensor]:
    """``tensors`` under the network's own names: a prefix of a wrapped network is dropped if every tensor has it and no name wanted."""
    for prefix in sorted(PREFIXES, key=len, reverse=True):
        if not any(name.startswith(prefix) for name in wanted) and all(
            name.startswith(prefix) for name in tensors
        ):
            return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return dict(tensors)


def _is_state_dict(content: object) -> bool:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(key, str) and torch.is_tensor(v) for key, v in content.items())
    )


def _load_plain(file: Path) -> Any:
    if not zipfile.is_zipfile(file):  # torch's format until 1.6
        return torch.load(file, map_location="cpu", weights_only=True)
    foreign = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    with torch.serialization.safe_globals([(Inert, name) for name in foreign]):
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)

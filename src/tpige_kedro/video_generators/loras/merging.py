"""Merges LoRAs into a Wan transformer when it is loaded, before anything else is done with it.

The changes of all LoRAs are summed in float32 and added once, so that their order does not matter and each weight is rounded once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from tpige_kedro.errors import ModelError, first_line
from tpige_kedro.video_generators.loras.layouts import (
    ALPHA,
    BIAS,
    DOWN,
    MODULATION,
    UP,
    UP_BIAS,
    WEIGHT,
    Parts,
    by_module,
    default_alpha,
    first,
)
from tpige_kedro.video_generators.loras.settings import Lora
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.lora import add_change, low_rank_change
from tpige_kedro.weights.sources import HUB_ID, is_local

logger = logging.getLogger(__name__)

ADVICE = "set options.loras to LoRAs of this model"


@dataclass(frozen=True)
class Change:
    """What a LoRA adds to the parameter ``name``: ``value()`` (float32) has the shape ``shape`` but for inner sizes."""

    name: str
    shape: tuple[int, ...]
    value: Callable[[], torch.Tensor]


def merge_loras(transformer: nn.Module, loras: Sequence[Lora]) -> None:
    """Add ``loras`` to ``transformer`` for good; none of them if one does not fit.

    Raises:
        ModelError: a file is not there, damaged, or made for other modules or sizes; names file and keys.
    """
    changes = lora_changes(transformer, loras)
    for name in changes:
        merge_into(transformer, name, changes)


def lora_changes(transformer: nn.Module, loras: Sequence[Lora]) -> dict[str, list[Change]]:
    """What ``loras`` add to each parameter of ``transformer``, which may be on the device ``meta``. Raises :class:`ModelError`."""
    changes: dict[str, list[Change]] = {}
    for lora in loras:
        file = lora_file(lora)
        made = _read(transformer, file, lora.scale)
        for change in made:
            changes.setdefault(change.name, []).append(change)
        logger.info("LoRA %s changes %d tensors, scale %g", file.name, len(made), lora.scale)
    return changes


def merge_into(transformer: nn.Module, name: str, changes: Mapping[str, Sequence[Change]]) -> None:
    """Add to the parameter ``name`` what ``changes`` has for it, if anything."""
    if name not in changes:
        return
    of_it = changes[name]
    total = sum((change.value() for change in of_it[1:]), of_it[0].value())
    if not torch.isfinite(total).all():
        raise ModelError(f"LoRA: the change of {name} is not finite; {ADVICE}")
    add_change(transformer.get_parameter(name), total)


def lora_file(lora: Lora) -> Path:
    """The file of a LoRA on this machine. Raises :class:`ModelError` naming it."""
    if not is_local(lora.source) and not HUB_ID.match(lora.source):
        raise ModelError(
            f"LoRA {lora.source!r}: no such file or folder; set options.loras to a file, a folder or a hub id"
        )
    place = fetched(lora.source, lora.revision, (lora.weights,) if lora.weights else ())
    file = place / lora.weights if place.is_dir() and lora.weights else place
    if not file.is_file():
        raise ModelError(f"LoRA {file}: no such file; set options.loras: [{{weights: …}}]")
    return file


def _read(transformer: nn.Module, file: Path, scale: float) -> list[Change]:
    """The changes of one file, checked against ``transformer``."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="pt") as opened:
            metadata = opened.metadata() or {}
            weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"LoRA {file} cannot be read as safetensors ({first_line(error)}); download it again"
        ) from error
    try:
        modules, alpha = by_module(transformer, weights), default_alpha(metadata)
        changes = [
            c for path, parts in modules.items() for c in _changes(path, parts, alpha, scale)
        ]
        _check_shapes(transformer, changes)
    except ValueError as error:
        raise ModelError(f"LoRA {file} does not fit: {error}; {ADVICE}") from error
    return changes


def _changes(path: str, parts: Parts, alpha: float | None, scale: float) -> Iterator[Change]:
    """The changes of the parameters of one module."""
    lone = {DOWN: UP, UP: DOWN, ALPHA: UP, UP_BIAS: UP}
    for part, other in lone.items():
        if part in parts and other not in parts:
            raise ValueError(f"{path} has {part} without {other}")
    prefix = f"{path}." if path else ""
    factor = float(parts[ALPHA].flatten()[0]) if ALPHA in parts else alpha
    if UP in parts:
        down, up = parts[DOWN], parts[UP]
        if min(down.ndim, up.ndim) < 2 or not 0 < down.shape[0] == up.flatten(1).shape[1]:
            raise ValueError(
                f"{path}: up {tuple(up.shape)} and down {tuple(down.shape)} do not match"
            )
        shape = (up.shape[0], *down.shape[1:])
        yield Change(prefix + WEIGHT, shape, partial(low_rank_change, down, up, factor, scale))
    if UP_BIAS in parts:
        rank = parts[DOWN].shape[0]
        times = scale * (rank if factor is None else factor) / rank
        yield _difference(prefix + BIAS, parts[UP_BIAS], times)
    for part in (WEIGHT, BIAS, MODULATION):
        if part in parts:
            yield _difference(prefix + part, parts[part], scale)


def _difference(name: str, value: torch.Tensor, scale: float) -> Change:
    return Change(name, tuple(value.shape), lambda: value.float() * scale)


def _check_shapes(transformer: nn.Module, changes: Sequence[Change]) -> None:
    """Raise ``ValueError`` naming the first parameters that are not there or of another size."""
    known = dict(transformer.named_parameters())
    absent = [change.name for change in changes if change.name not in known]
    if absent:
        raise ValueError(f"{type(transformer).__name__} has no {first(absent)}")
    wrong = [
        f"{c.name} is {tuple(known[c.name].shape)}, not {c.shape}"
        for c in changes
        if tuple(known[c.name].shape) != c.shape
    ]
    if wrong:
        raise ValueError(f"{len(wrong)} tensors are of another size: {first(wrong)}")

"""Pipelines in diffusers' layout from a local folder: each network whole, the small parts as diffusers loads them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from tpige_kedro.weights import diffusers_models, transformers_models
from tpige_kedro.weights.small_files import check_settings, check_vocabulary
from tpige_kedro.weights.whole import cannot_load, read_json

INDEX = "model_index.json"
# of sampling: on a terminal, below the bar of the stage and laid out like it, while a picture or clip takes longer than a few seconds
STEP_BAR: dict[str, Any] = {
    "disable": None,  # in a log
    "leave": False,
    "desc": "  its steps",
    "delay": 5,
    "bar_format": "{desc:22} {percentage:3.0f}% |{bar:12}| {n_fmt}/{total_fmt}  {elapsed}, {remaining} left",
}


def load_pipeline(
    cls: Any,
    folder: Path,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    parts: Mapping[str, Any] | None = None,
) -> Any:
    """A pipeline of class ``cls`` whose networks are on ``device``; ``parts`` are those that were loaded elsewhere.

    Raises:
        ModelError: a file is missing or damaged, or a network is not whole; it names the file or folder.
    """
    from diffusers.utils.logging import disable_progress_bar

    disable_progress_bar()  # of loading; that of sampling is another
    given = dict(parts or {})
    for name, part in _networks(folder):
        if name not in given:
            loader = diffusers_models if _is_of_diffusers(part) else transformers_models
            given[name] = loader.load_network(part, folder / name, dtype, device)
    for name in read_json(folder / INDEX):
        check_settings(folder / name)
    try:
        pipeline = cls.from_pretrained(str(folder), dtype=dtype, local_files_only=True, **given)
    except Exception as error:  # the tokenizers library has no class of its own for errors
        raise cannot_load(cls.__name__, folder, error) from error
    for name, part in pipeline.components.items():
        check_vocabulary(part, folder / name)
    pipeline.set_progress_bar_config(**STEP_BAR)
    return pipeline


def _networks(folder: Path) -> Iterator[tuple[str, Any]]:
    """The networks of a pipeline as its index lists them, each with its class."""
    for name, entry in read_json(folder / INDEX).items():
        if (
            isinstance(entry, list)
            and len(entry) == 2
            and entry[0] in ("diffusers", "transformers")
        ):
            try:
                part = getattr(importlib.import_module(entry[0]), entry[1])
            except AttributeError as error:
                raise cannot_load(f"{name} ({'.'.join(entry)})", folder, error) from error
            if hasattr(part, "named_parameters"):
                yield name, part


def _is_of_diffusers(part: Any) -> bool:
    from diffusers import ModelMixin

    return issubclass(part, ModelMixin)

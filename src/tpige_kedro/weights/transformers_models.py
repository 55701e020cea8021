"""Parts in transformers' layout from a local folder: no remote code, no invented weights, no request to the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tpige_kedro.weights.checkpoints import read_checkpoint
from tpige_kedro.weights.small_files import check_settings, check_vocabulary
from tpige_kedro.weights.unwritten import unwritten
from tpige_kedro.weights.whole import cannot_load, quantised, read_json, refuse

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PICKLED = "pytorch_model.bin"


def load_part(cls: Any, folder: Path, **options: Any) -> Any:
    """A tokenizer, processor, scheduler or the like of class ``cls``. Raises :class:`ModelError` naming the folder."""
    check_settings(folder)
    try:
        part = cls.from_pretrained(str(folder), local_files_only=True, **options)
    except Exception as error:  # the tokenizers library has no class of its own for errors
        raise cannot_load(cls.__name__, folder, error) from error
    loaded, *_ = part if isinstance(part, tuple) else (part,)
    for tokenizer in (loaded, getattr(loaded, "tokenizer", None)):  # a processor has one
        check_vocabulary(tokenizer, folder)
    return part


def load_network(
    cls: Any,
    folder: Path,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    *,
    pickled: bool = False,
) -> Any:
    """A network of class ``cls`` with the weights of ``folder`` on ``device``, ready to predict.

    Names that transformers translates, ties or declares ignorable are as it says; ``pickled`` also takes ``pytorch_model.bin``,
    read as plain tensors, where there is no safetensors file.

    Raises:
        ModelError: a file is missing or damaged, or a tensor is missing, unknown or of another shape; transformers alone would go
            on with random numbers.
    """
    _check_config(cls, folder)
    from transformers.utils.logging import disable_progress_bar

    file = _weights_file(folder, pickled)
    tensors = read_checkpoint(file).tensors  # whole, and shards as the index says
    refuse(cls.__name__, file, [], [], [], types=quantised(tensors), zeros=unwritten(tensors))
    del tensors
    disable_progress_bar()  # of the tensors of one file
    network, report = load_part(
        cls,
        folder,
        dtype=dtype,
        device_map={"": torch.device(device)},
        use_safetensors=file.name != PICKLED,
        weights_only=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # else a wrong shape raises without naming the source
    )
    shapes = [
        f"{name} {tuple(held)} instead of {tuple(wanted)}"
        for name, held, wanted in sorted(report["mismatched_keys"])
    ]
    name = type(network).__name__
    refuse(name, file, sorted(report["missing_keys"]), sorted(report["unexpected_keys"]), shapes)
    return network.eval().requires_grad_(False)


def _check_config(cls: Any, folder: Path) -> None:
    """Without a config transformers would build its default model, at full size; with another model's, one of neither's sizes."""
    kind = read_json(folder / CONFIG).get("model_type")
    wanted = getattr(getattr(cls, "config_class", None), "model_type", kind)
    if kind is None or kind != wanted:
        raise cannot_load(cls.__name__, folder, f"{CONFIG} says model_type {kind}, not {wanted}")


def _weights_file(folder: Path, pickled: bool) -> Path:
    """The file that transformers will take, in its own order."""
    index = folder / f"{WEIGHTS}.index.json"
    for file in (folder / WEIGHTS, index, *([folder / PICKLED] if pickled else [])):
        if file.is_file():
            return file
    return folder / WEIGHTS

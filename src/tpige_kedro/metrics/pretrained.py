"""Loads published networks in transformers' layout from a local folder or the hub: no remote code, no weight made up."""

from __future__ import annotations

from typing import Any

import torch

from tpige_kedro.errors import ModelError

BYTES = 256  # every byte is in the vocabulary


def load_part(cls: Any, source: str, revision: str | None, **options: Any) -> Any:
    """A tokenizer, preprocessor or network of class ``cls``. Raises :class:`ModelError` naming the source.

    ``main`` has to be said: only then transformers looks for the hub's own safetensors version of a repository without one.
    """
    try:
        return cls.from_pretrained(source, revision=revision or "main", **options)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(cannot_load(cls.__name__, source, error)) from error


def load_tokenizer(cls: Any, source: str, revision: str | None, **options: Any) -> Any:
    """A byte-level tokenizer. Where its files are missing transformers makes an empty one; that is an error here."""
    tokenizer = load_part(cls, source, revision, **options)
    if tokenizer.vocab_size < BYTES:
        raise ModelError(
            cannot_load(cls.__name__, source, ValueError("no tokenizer.json or vocab.json in it"))
        )
    return tokenizer


def load_network(
    cls: Any, source: str, revision: str | None, device: torch.device, dtype: torch.dtype
) -> Any:
    """A network of class ``cls`` with the weights of ``source`` (safetensors only), ready to predict.

    Raises:
        ModelError: nothing to load from, or a weight is missing or of another shape; transformers alone would go on with
            random numbers.
    """
    network, report = load_part(
        cls,
        source,
        revision,
        dtype=dtype,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # else a wrong shape raises without naming the source
    )
    lacking = sorted([*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])])
    if lacking:
        raise ModelError(
            f"model source {source!r}: {len(lacking)} weights of {cls.__name__} are missing or have another shape "
            f"({', '.join(lacking[:3])}{', ...' if len(lacking) > 3 else ''}); download it again or set models.<name>.source"
        )
    return network.eval().requires_grad_(False).to(device)


def cannot_load(what: str, source: str, error: Exception) -> str:
    """The message of an error that says which source is meant and what to set."""
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return (
        f"model source {source!r}: {what} cannot be loaded ({reason}); set models.<name>.source to a folder with config.json, "
        "*.safetensors, tokenizer and preprocessor_config.json, or to a hub id that can be reached"
    )

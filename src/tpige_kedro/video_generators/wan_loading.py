"""Loads the parts of a Wan model from a local folder or hub id in diffusers' layout, or a transformer from the native layouts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tpige_kedro.errors import ModelError
from tpige_kedro.models import resolve_source, where_from


@dataclass(frozen=True)
class Source:
    """Where the parts come from: ``transformer`` may lie elsewhere than the rest (``base``); both folders or hub ids.

    ``transformer`` is a pipeline folder or hub id (with the subfolder ``transformer``), a folder with the transformer alone, or a
    single file in the native layout (.safetensors, .pth), then with the config of ``base``. ``weights`` names such a
    file inside a hub repository or folder.
    """

    transformer: str
    base: str
    revision: str | None = None
    base_revision: str | None = None
    weights: str | None = None

    @classmethod
    def of(
        cls,
        source: str,
        revision: str | None,
        base: str | None,
        base_revision: str | None,
        weights: str | None,
    ) -> Source:
        """One repository, or two; paths of ``base`` start at the project root, like those of ``source`` (which came resolved)."""
        if base is None:
            return cls(source, source, revision, revision, weights)
        return cls(source, resolve_source(base), revision, base_revision, weights)


def load_transformer(cls: Any, source: Source, dtype: torch.dtype) -> Any:
    """The transformer, with the parts that must stay float32 kept so. Raises :class:`ModelError` naming the source."""
    file = _single_file(source)
    try:
        if file is not None:
            model = cls.from_single_file(
                str(file),
                config=source.base,
                config_revision=source.base_revision,
                subfolder="transformer",
            )
            return cast(model, dtype).eval()
        folder = None if (Path(source.transformer) / "config.json").exists() else "transformer"
        return cls.from_pretrained(
            source.transformer,
            subfolder=folder,
            revision=source.revision,
            torch_dtype=dtype,
            use_safetensors=True,
        ).eval()
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(_message("transformer", str(file or source.transformer), error)) from error


def cast(model: Any, dtype: torch.dtype) -> Any:
    """``model`` in ``dtype``, with the parts that its class names in float32 (``from_pretrained`` does so, ``from_single_file`` not)."""
    kept = set(model._keep_in_fp32_modules)
    for name, parameter in model.named_parameters():
        parameter.data = parameter.data.to(torch.float32 if kept & set(name.split(".")) else dtype)
    return model


def load_part(cls: Any, source: Source, name: str, **options: Any) -> Any:
    """The part ``name`` (vae, text_encoder, tokenizer, scheduler) from the base. Raises :class:`ModelError` naming it."""
    try:
        return cls.from_pretrained(
            source.base, subfolder=name, revision=source.base_revision, **options
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(_message(name, source.base, error)) from error


def load_text_encoder(source: Source, dtype: torch.dtype) -> Any:
    """The UMT5 encoder of the base."""
    from transformers import UMT5EncoderModel

    return load_part(
        UMT5EncoderModel, source, "text_encoder", dtype=dtype, use_safetensors=True
    ).eval()


def _single_file(source: Source) -> Path | None:
    path = Path(source.transformer)
    if path.is_file():
        return path
    if source.weights is None:
        return None
    if path.is_dir():
        return path / source.weights
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(source.transformer, source.weights, revision=source.revision))


def _message(part: str, where: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"model source {where!r}: its {part} cannot be loaded ({reason}); "
        "set models.<name>.source (and options.base) to a folder or hub id in diffusers' layout "
        f"({where_from(where)})"
    )

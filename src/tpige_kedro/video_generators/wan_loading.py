"""Loads the parts of a Wan model: from folders in diffusers' layout, or the transformer from the native layouts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tpige_kedro.errors import ModelError
from tpige_kedro.weights import diffusers_models, transformers_models
from tpige_kedro.weights.checkpoints import Checkpoint, read_checkpoint, without_prefix
from tpige_kedro.weights.diffusers_models import CONFIG, Begin, check_class
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.parts import files_of
from tpige_kedro.weights.wanted import INDEX
from tpige_kedro.weights.whole import read_json

TRANSFORMER = "transformer"
PLAIN, VACE = "WanTransformer3DModel", "WanVACETransformer3DModel"


@dataclass(frozen=True)
class Source:
    """Where the parts are on this machine: ``transformer`` may lie elsewhere than the rest (``base``).

    ``transformer`` is a pipeline folder (with the subfolder ``transformer``), a folder with the transformer alone, or native weights:
    a single file (.safetensors, .pth) or the index of shards (``*.safetensors.index.json``), itself or with its folder. ``weights``
    names such a file inside a folder. Native weights take their sizes from the config of ``base``.
    """

    transformer: Path
    base: Path
    weights: str | None = None

    @classmethod
    def of(
        cls,
        files: Mapping[str, tuple[str, ...]],
        source: str,
        revision: str | None,
        base: str | None,
        base_revision: str | None,
        weights: str | None,
    ) -> Source:
        """One place, or two (local, or hub ids with their revisions), of which ``files`` are needed."""
        options = {"base": base, "weights": weights}
        place = fetched(source, revision, files_of(files, "source", options))
        if base is not None:
            return cls(
                place, fetched(base, base_revision, files_of(files, "base", options)), weights
            )
        if place.is_file():
            raise ModelError(
                f"model source {source!r} holds only a transformer; set options.base to a pipeline folder or hub id with the other parts"
            )
        return cls(place, place, weights)


def load_transformer(
    cls: Any,
    source: Source,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    begin: Begin | None = None,
) -> Any:
    """The transformer on ``device``, with the parts that must stay float32 kept so; ``begin``: what is done to each tensor on the way.

    Raises:
        ModelError: names the file, and what is missing in it or does not belong there.
    """
    if (file := native_file(source)) is not None:
        return _load_native(cls, file, source.base / TRANSFORMER, dtype, device, begin)
    alone = (source.transformer / CONFIG).exists()
    folder = source.transformer if alone else source.transformer / TRANSFORMER
    return diffusers_models.load_network(cls, folder, dtype, device, begin)


def load_vae(
    source: Source, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Any:
    """The VAE of the base."""
    from diffusers import AutoencoderKLWan

    folder = source.base / "vae"
    return diffusers_models.load_network(AutoencoderKLWan, folder, dtype, device)


def load_text_encoder(
    source: Source, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> Any:
    """The UMT5 encoder of the base."""
    from transformers import UMT5EncoderModel

    folder = source.base / "text_encoder"
    return transformers_models.load_network(UMT5EncoderModel, folder, dtype, device)


def load_scheduler(source: Source) -> Any:
    """The scheduler of the base."""
    from diffusers import UniPCMultistepScheduler

    return transformers_models.load_part(UniPCMultistepScheduler, source.base / "scheduler")


def load_tokenizer(source: Source) -> Any:
    """The tokenizer of the base, as its ``tokenizer.json`` says.

    transformers' own class for it (``T5Tokenizer``) builds T5's tokenizer from the vocabulary: unknown characters become number 2,
    which is ``<s>`` in the vocabulary of UMT5 and was ``<unk>``, number 3, when Wan was trained.
    """
    from transformers import PreTrainedTokenizerFast

    return transformers_models.load_part(PreTrainedTokenizerFast, source.base / "tokenizer")


def native_file(source: Source) -> Path | None:
    """The native weights, a file or the index of several; None if the transformer is in diffusers' layout."""
    place = source.transformer
    if place.is_file():
        return place
    if source.weights is not None:
        return place / source.weights
    if (place / CONFIG).exists() or (place / TRANSFORMER).exists():
        return None
    found = sorted(place.glob(f"*{INDEX}"))
    return found[0] if len(found) == 1 else None


def _load_native(
    cls: Any,
    file: Path,
    base: Path,
    dtype: torch.dtype,
    device: torch.device | str,
    begin: Begin | None,
) -> Any:
    checkpoint = read_checkpoint(file)
    tensors = under_diffusers_names(checkpoint.tensors)
    is_vace = any(name.startswith("vace_") for name in tensors)
    check_class(cls, VACE if is_vace else PLAIN, file)
    renamed = Checkpoint(checkpoint.where, tensors)
    return diffusers_models.filled(cls, native_config(cls, base), renamed, dtype, device, begin)


def under_diffusers_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` of Wan, under the authors' names or diffusers', under those of diffusers."""
    from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

    plain = without_prefix(tensors, wanted={})
    is_native = any(".self_attn." in name for name in plain)
    converted: dict[str, Tensor] = (
        convert_wan_transformer_to_diffusers(plain) if is_native else plain
    )
    return converted


def native_config(cls: Any, folder: Path) -> dict[str, Any]:
    """The sizes of native weights from the transformer's config in ``folder``; that of VACE also says those of plain Wan.

    Raises:
        ModelError: there is no config, or it is that of plain Wan, which does not say where VACE's hints enter.
    """
    config = read_json(folder / CONFIG)
    known = inspect.signature(cls.__init__).parameters
    if "vace_layers" in known and "vace_layers" not in config:
        raise ModelError(
            f"{folder / CONFIG} has no vace_layers: it is for plain Wan; set options.base to a VACE pipeline"
        )
    return {key: value for key, value in config.items() if key in known}

"""Published checkpoints: what they are called, where to get them, and loading them strictly and safely."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from tpige_kedro.errors import ModelError, first_line

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Weights:
    """A published checkpoint: its file name (in the folder that ``source`` names), the page that has it, and its licence."""

    file: str
    published: str
    licence: str

    def how_to_get(self, folder: str | Path) -> str:
        """What to do when the file is not in ``folder``."""
        return f"get {self.file} from {self.published} ({self.licence}) and put it into {folder}"


def load_weights(
    network: Network, source: str | Path, weights: Weights, revision: str | None = None
) -> Network:
    """``network`` with the published numbers, in float32, ready to predict.

    Args:
        network: freshly built; every key of the checkpoint has to be one of its own, and the other way round.
        source: the file itself, a folder that holds ``weights.file``, or a hub id.
        weights: which file it is.
        revision: pins a hub id.

    Raises:
        ModelError: the file is not there, cannot be read safely, or has other keys or shapes.
    """
    file = find_weights(source, weights, revision)
    try:
        network.load_state_dict(read_state_dict(file))
    except RuntimeError as error:
        problem = "; ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise ModelError(
            f"{file} does not hold a {type(network).__name__}: {problem or error}; {weights.how_to_get(file.parent)}"
        ) from error
    return network.float().eval()


def require_files(folder: str | Path, wanted: Sequence[Weights]) -> Path:
    """``folder`` as an absolute path. Raises :class:`ModelError` that says where to get each of the ``wanted`` files it lacks."""
    path = Path(folder).absolute()
    missing = [weights for weights in wanted if not (path / weights.file).is_file()]
    if missing:
        names = ", ".join(weights.file for weights in missing)
        advice = "; ".join(weights.how_to_get(path) for weights in missing)
        raise ModelError(f"{path} has no {names}; {advice}")
    return path


def find_weights(source: str | Path, weights: Weights, revision: str | None = None) -> Path:
    """The checkpoint's file on this machine; a hub id is downloaded on first use. Raises :class:`ModelError`."""
    path = Path(source)
    if path.is_file():
        return path
    if path.is_absolute() or path.is_dir():
        if not (path / weights.file).is_file():
            raise ModelError(f"{path / weights.file} is missing; {weights.how_to_get(path)}")
        return path / weights.file
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(str(source), weights.file, revision=revision))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"model source {str(source)!r}: {weights.file} cannot be downloaded ({first_line(error)}); "
            f"{weights.how_to_get('a folder')}, and set models.<name>.source to it"
        ) from error


class Inert:
    """Stands in a loaded checkpoint for whatever is not a tensor: it takes all arguments and does nothing."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def read_state_dict(file: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a torch file, read without running code from it.

    A training checkpoint keeps them under ``state_dict``, with settings and numbers of the training beside them. What torch does not
    count as safe is replaced by :class:`Inert`, so that nothing of it is imported or called.

    Raises:
        ModelError: not a torch file, or damaged, or without a state dict.
    """
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    try:
        content = _load_plain(file)
    except Exception as error:  # a damaged pickle fails in many ways
        raise ModelError(
            f"{file} cannot be read as plain tensors ({first_line(error)}); download it again, or save its tensors as .safetensors"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(torch.is_tensor(v) for v in content.values()):
        raise ModelError(f"{file} holds no state dict; download it again")
    return dict(content)


def _load_plain(file: Path) -> Any:
    if not zipfile.is_zipfile(file):  # torch's format until 1.6
        return torch.load(file, map_location="cpu", weights_only=True)
    foreign = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    with torch.serialization.safe_globals([(Inert, name) for name in foreign]):
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)

"""Published checkpoints of one file each: what they are called, where to get them, and loading them whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tpige_kedro.errors import ModelError
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.sources import HUB_ID

if TYPE_CHECKING:
    from torch import nn

    Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Weights:
    """A published checkpoint: its file name (in the folder that ``source`` names), the page that has it, and its licence."""

    file: str
    published: str
    licence: str

    def how_to_get(self, folder: str | Path) -> str:
        """What to do when the file is not in ``folder``.

        >>> Weights("net.pth", "https://example.org/net", "MIT").how_to_get("models")
        'get net.pth from https://example.org/net (MIT) and put it into models'
        """
        return f"get {self.file} from {self.published} ({self.licence}) and put it into {folder}"


def load_weights(
    network: Network, source: str | Path, weights: Weights, revision: str | None = None
) -> Network:
    """``network`` with the published numbers, in float32, ready to predict.

    Args:
        network: freshly built; every key of the checkpoint has to be one of its own, and the other way round. Counters of batch
            norm may be absent, as in old files: prediction does not use them.
        source: the file itself, a folder that holds ``weights.file``, or a hub id.
        weights: which file it is.
        revision: pins a hub id.

    Raises:
        ModelError: the file is not there, cannot be read safely, or has other keys or shapes.
    """
    from tpige_kedro.weights.checkpoints import read_checkpoint
    from tpige_kedro.weights.filling import load_whole

    file = find_weights(source, weights, revision)
    load_whole(network, read_checkpoint(file), weights.how_to_get(file.parent))
    return network.float().eval()


def require_files(
    source: str | Path, wanted: Sequence[Weights], revision: str | None = None
) -> Path:
    """The folder on this machine that holds the ``wanted`` files.

    Raises:
        ModelError: says where to get each of the files that it lacks.
    """
    try:
        path = fetched(str(source), revision, [weights.file for weights in wanted]).absolute()
    except ModelError as error:
        folder = "a folder of yours" if HUB_ID.match(str(source)) else source
        raise ModelError(f"{error}; {_advice(wanted, folder)}") from error
    missing = [weights for weights in wanted if not (path / weights.file).is_file()]
    if missing:
        names = ", ".join(weights.file for weights in missing)
        raise ModelError(f"{path} has no {names}; {_advice(missing, path)}")
    return path


def _advice(wanted: Sequence[Weights], folder: str | Path) -> str:
    return "; ".join(weights.how_to_get(folder) for weights in wanted)


def find_weights(source: str | Path, weights: Weights, revision: str | None = None) -> Path:
    """The checkpoint's file on this machine: ``source`` itself, or inside the folder or hub repository. Raises :class:`ModelError`."""
    path = Path(source)
    if path.is_file():
        return path
    return require_files(source, (weights,), revision) / weights.file

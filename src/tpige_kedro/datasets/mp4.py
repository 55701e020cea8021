"""Clips on disk: written as H.264 in MP4, which browsers, MLflow and the report play; read from any container, as players show them."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kedro.io import AbstractDataset
from numpy.typing import NDArray

from tpige_kedro.datasets.mp4_encoding import CRF, EncodedClip, check_shape, encode_clip
from tpige_kedro.datasets.signing import sign
from tpige_kedro.errors import ClipError
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.schemas import Provenance

if TYPE_CHECKING:
    from PIL.Image import Image

    from tpige_kedro.datasets.clip_files.frames import LongClip

AGAIN = "delete it and run again (if it was imported: put a good file where it came from)"


@dataclass(frozen=True)
class Clip:
    """A clip on disk: ``frames`` (T, H, W, 3) uint8 RGB, frames per second, and the title written into the file.

    A long clip's frames are a :class:`~.frames.LongClip`, which is indexed like an array and decoded in parts.

    With ``provenance`` it is marked as AI-made in its file, and signed if a certificate is configured.
    """

    frames: NDArray[np.uint8] | LongClip
    fps: float
    title: str = ""
    provenance: Provenance | None = None

    def even_frames(self, count: int) -> list[Image]:
        """``count`` frames at even distances from the first to the last."""
        from PIL import Image

        indices = np.linspace(0, len(self.frames) - 1, count).round().astype(int)
        return [Image.fromarray(frame) for frame in self.frames[indices]]


class Mp4Dataset(AbstractDataset[Clip | EncodedClip | Path, Clip]):
    """One :class:`Clip` as H.264, yuv420p, index in front (``+faststart``). Compression is lossy; ``crf`` says how much (12).

    An :class:`~.mp4_encoding.EncodedClip` was compressed where it was made, and is only written and signed here. A path is a
    finished file and is copied as it is: its pixels are somebody's result and are not compressed again.

    The 4:2:0 subsampling needs even sizes: an odd one is refused, because padding or cropping here would make the file
    differ from what the generator made.
    """

    def __init__(
        self, *, filepath: str, crf: int | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._filepath = filepath
        self._crf = crf
        self.metadata = metadata

    def load(self) -> Clip:
        """The frames as a player shows them. Raises ``DatasetError`` naming the file if it is not a readable clip or too large.

        Any container of :mod:`.containers` is read, whatever the file is called.
        """
        from tpige_kedro.datasets.clip_files.frames import read_frames

        try:
            frames, track = read_frames(Path(self._filepath))
        except ClipError as error:
            colon = ":" if error.problem.startswith("the ") else ""
            remedy = error.remedy or AGAIN
            raise DatasetError(f"{self._filepath}{colon} {error.problem}; {remedy}") from error
        return Clip(frames=frames, fps=track.rate, title=track.title)

    def save(self, data: Clip | EncodedClip | Path) -> None:
        """Write the clip. Raises ``DatasetError`` on frames that are not (T, H, W, 3) uint8 with even H and W."""
        if isinstance(data, Path):
            shutil.copyfile(data, self._filepath)
            return
        encoded = data if isinstance(data, EncodedClip) else self.encoded(data)
        self._check(encoded)
        Path(self._filepath).write_bytes(encoded.content)
        if encoded.provenance is not None:
            sign(Path(self._filepath), encoded.title, encoded.provenance)

    def encoded(self, data: Clip) -> EncodedClip:
        """The bytes of the file of ``data``, unsigned."""
        frames, facts = data.frames, (data.fps, data.title, data.provenance)
        crf = CRF if self._crf is None else self._crf
        try:
            check_shape(frames.dtype, frames.shape)
            one_by_one = (frame[None] for frame in frames)
            return encode_clip(one_by_one, frames.shape, *facts, crf)
        except DatasetError as error:
            raise DatasetError(f"{self._filepath}: {error}") from error

    def _check(self, data: EncodedClip) -> None:
        if self._crf not in {None, data.crf}:
            raise DatasetError(
                f"{self._filepath}: it was encoded with crf {data.crf} when it was made, and the catalog says {self._crf}; "
                "remove crf from the catalog's entry"
            )
        if hashlib.sha256(data.content).hexdigest() != data.sha256:
            raise DatasetError(f"{self._filepath}: its bytes are not those that were encoded")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "crf": self._crf}

    def _exists(self) -> bool:
        return Path(self._filepath).is_file()

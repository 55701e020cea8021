"""Clips on disk: written as H.264 in MP4, which browsers, MLflow and the report play; read from any container, as players show them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kedro.io import AbstractDataset
from numpy.typing import NDArray

from tpige_kedro.datasets.signing import sign
from tpige_kedro.errors import ClipError
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.provenance import COMMENT, append_xmp
from tpige_kedro.schemas import Provenance

if TYPE_CHECKING:
    from PIL.Image import Image

    from tpige_kedro.datasets.clip_files.frames import LongClip

# Without looking ahead, the same frames give the same bytes in every process. With it, the first clip that a process encodes
# came out differently from run to run, and so did its scores in the third digit.
REPEATABLE = "mbtree=0:rc-lookahead=0:bframes=0:weightp=0"

AGAIN = "delete it and run again (if it was imported: put a good file where it came from)"


@dataclass(frozen=True)
class Clip:
    """A clip on disk: ``frames`` (T, H, W, 3) uint8 RGB, frames per second, and the title written into the file.

    A long clip's frames are a :class:`~.frames.LongClip`, which is indexed like an array and decoded in parts.

    With ``provenance`` it is AI-made: its file says so, and is signed if a certificate is configured.
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


class Mp4Dataset(AbstractDataset[Clip | Path, Clip]):
    """One :class:`Clip` as H.264, yuv420p, index in front (``+faststart``). Compression is lossy; ``crf`` says how much.

    A path instead of a clip is a finished file, copied as it is: its pixels are somebody's result and not compressed again.

    The 4:2:0 subsampling needs even sizes: an odd one is refused, because padding or cropping here would make the file
    differ from what the generator made.
    """

    def __init__(
        self, *, filepath: str, crf: int = 12, metadata: dict[str, Any] | None = None
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

    def save(self, data: Clip | Path) -> None:
        """Encode all frames. Raises ``DatasetError`` on frames that are not (T, H, W, 3) uint8 with even H and W."""
        import av

        if isinstance(data, Path):
            shutil.copyfile(data, self._filepath)
            return
        self._check(data)
        _, height, width, _ = data.frames.shape
        with av.open(
            self._filepath, "w", format="mp4", options={"movflags": "+faststart"}
        ) as container:
            container.metadata["title"] = data.title
            if data.provenance is not None:
                container.metadata["comment"] = COMMENT
            stream = container.add_stream(
                "libx264", rate=Fraction(data.fps).limit_denominator(1001)
            )
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {
                "crf": str(self._crf),
                "preset": "medium",
                "threads": "1",
                "x264-params": REPEATABLE,
            }
            for pixels in data.frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        if data.provenance is not None:
            append_xmp(Path(self._filepath))
            sign(Path(self._filepath), data.title, data.provenance)

    def _check(self, data: Clip) -> None:
        frames = data.frames
        if (
            frames.dtype != np.uint8
            or frames.ndim != 4
            or frames.shape[-1] != 3
            or 0 in frames.shape
        ):
            raise DatasetError(
                f"{self._filepath}: frames are {frames.dtype} {frames.shape}; a clip is uint8 (T, H, W, 3), none empty"
            )
        if frames.shape[1] % 2 or frames.shape[2] % 2:
            raise DatasetError(
                f"{self._filepath}: frames are {frames.shape[2]}x{frames.shape[1]}; H.264 with 4:2:0 colour needs an even "
                "width and height, set the generator's width and height so"
            )

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "crf": self._crf}

    def _exists(self) -> bool:
        return Path(self._filepath).is_file()

"""Encodes frames to the bytes of an MP4, in memory: the maker of a clip encodes as frames arrive, and the keeper writes the bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.files.errors import DatasetError
from tpige_kedro.provenance import COMMENT, xmp_box
from tpige_kedro.schemas import Provenance

CRF = 12  # quality of H.264: 0 loses nothing, 23 is x264's own default

# Without looking ahead, the same frames give the same bytes in every process. With it, the first clip that a process encodes
# came out differently from run to run, and so did its scores in the third digit.
REPEATABLE = "mbtree=0:rc-lookahead=0:bframes=0:weightp=0"


@dataclass(frozen=True)
class EncodedClip:
    """A finished MP4 that is not on the disk yet: what a worker sends, and :class:`~.mp4.Mp4Dataset` saves.

    ``content`` and its ``sha256``, before it is signed: the key of a certificate stays with the process that saves. ``shape`` is
    (T, H, W, 3), ``crf`` what it was compressed with; ``title`` and ``provenance`` are those of :class:`~.mp4.Clip`.
    """

    travels: ClassVar[bool] = True  # a worker hands it over as it is

    content: bytes
    sha256: str
    shape: tuple[int, ...]
    crf: int = CRF
    title: str = ""
    provenance: Provenance | None = None

    def __repr__(self) -> str:
        return f"EncodedClip({len(self.content)} bytes, shape={self.shape}, title={self.title!r})"


def encode_clip(
    groups: Iterable[NDArray[np.uint8]],
    shape: tuple[int, ...],
    fps: float,
    title: str = "",
    provenance: Provenance | None = None,
    crf: int = CRF,
    recipe: Callable[[], str] | None = None,
) -> EncodedClip:
    """Encode frames as H.264, yuv420p, index in front (``+faststart``); the same frames give the same bytes.

    Args:
        groups: the frames in their order, in arrays (t, H, W, 3) uint8 RGB of any t; each is encoded as it comes.
        shape: (T, H, W, 3) of all frames together.
        fps: frames per second.
        title: written into the file.
        provenance: the file says that it is AI-made if this is not None.
        crf: what compression may lose, 0 (nothing) to 51.
        recipe: what a file that says it is AI-made says of its making; asked when all frames have come.

    Raises:
        DatasetError: the frames are not uint8 (t, H, W, 3) of even H and W, or not as many as ``shape`` says.

    >>> clip = encode_clip([np.zeros((2, 32, 48, 3), np.uint8)] * 3, (6, 32, 48, 3), fps=8)
    >>> clip.content[4:8], clip.sha256 == hashlib.sha256(clip.content).hexdigest()
    (b'ftyp', True)
    """
    import av

    check_shape(np.dtype(np.uint8), shape)
    buffer, seen = io.BytesIO(), 0

    def opened_again(url: str, flags: int, options: object) -> io.BytesIO:
        """What the muxer reads when it moves the index to the front."""
        return io.BytesIO(buffer.getvalue())

    options = {"movflags": "+faststart"}
    with av.open(buffer, "w", format="mp4", options=options, io_open=opened_again) as container:
        container.metadata["title"] = title
        if provenance is not None:
            container.metadata["comment"] = COMMENT
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        _, stream.height, stream.width, _ = shape
        stream.pix_fmt = "yuv420p"
        stream.options = {
            "crf": str(crf),
            "preset": "medium",
            "threads": "1",
            "x264-params": REPEATABLE,
        }
        for group in groups:
            check_shape(group.dtype, (len(group), *group.shape[1:]), like=shape)
            for pixels in group:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
                seen += 1
        container.mux(stream.encode())
    if seen != shape[0]:
        raise DatasetError(f"{seen} frames arrived instead of {shape[0]}; make the clip again")
    mark = b"" if provenance is None else xmp_box(recipe() if recipe else "")
    content = buffer.getvalue() + mark
    digest = hashlib.sha256(content).hexdigest()
    return EncodedClip(content, digest, tuple(shape), crf, title, provenance)


def check_shape(
    dtype: np.dtype[Any], shape: tuple[int, ...], like: tuple[int, ...] | None = None
) -> None:
    """Raise ``DatasetError`` on frames that cannot be encoded, or are not as large as those of ``like``."""
    if dtype != np.uint8 or len(shape) != 4 or shape[-1] != 3 or 0 in shape:
        raise DatasetError(
            f"frames are {dtype} {shape}; a clip is uint8 (T, H, W, 3) with no empty dimension"
        )
    if like is not None and shape[1:] != like[1:]:
        raise DatasetError(f"frames are {shape[1:]} in a clip of {like[1:]}; make the clip again")
    if shape[1] % 2 or shape[2] % 2:
        raise DatasetError(
            f"frames are {shape[2]}x{shape[1]}; H.264 with 4:2:0 colour needs an even width and height, set the generator's "
            "width and height to even numbers"
        )

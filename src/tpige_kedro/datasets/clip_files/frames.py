"""The frames of a clip: all in memory if they are few, decoded again and again in parts if they are many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.datasets.clip_files.decoding import as_shown, decoded
from tpige_kedro.datasets.clip_files.opening import Source
from tpige_kedro.datasets.clip_files.tracks import MOST_PIXELS, Track, survey
from tpige_kedro.errors import ClipError

IN_MEMORY = 100_000_000  # pixels of all frames: 300 MB; 250 frames of 832x480, 48 of 1920x1080


class LongClip:
    """The frames (T, H, W, 3) uint8 RGB of a clip that is too long for memory, read-only.

    Index it with a number, a slice or a list of numbers: only these frames are held. Reading forward decodes once; reading what
    lies further back starts again at the first frame.
    """

    ndim = 4
    dtype = np.dtype(np.uint8)

    def __init__(self, source: Source, track: Track, shape: tuple[int, int, int, int]) -> None:
        self.shape = shape
        self._source, self._track = source, track
        self._held: dict[int, NDArray[np.uint8]] = {}
        self._coming, self._next = decoded(source, track), 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(
        self, key: SupportsIndex | slice | Sequence[int] | NDArray[np.integer]
    ) -> NDArray[np.uint8]:
        """The frames of a slice or a list (n, H, W, 3), or one frame (H, W, 3)."""
        if isinstance(key, slice):
            return self._read(range(len(self))[key])
        if isinstance(key, (Sequence, np.ndarray)):
            return self._read([range(len(self))[int(index)] for index in key])
        frame: NDArray[np.uint8] = self._read([range(len(self))[int(key)]])[0]
        return frame

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[index] for index in range(len(self)))

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NDArray[np.uint8]:
        """Refused: that is what does not fit."""
        raise TypeError(f"a clip of {len(self)} frames is read in parts; index it with a slice")

    def _read(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        wanted = set(indices)
        kept = {index: self._held[index] for index in wanted & self._held.keys()}
        self._held = {}
        missing = sorted(wanted - kept.keys())
        if missing and missing[0] < self._next:
            self._coming, self._next = decoded(self._source, self._track), 0
        for index in missing:
            kept[index] = self._at(index)
        self._held = kept
        if not indices:
            return np.zeros((0, *self.shape[1:]), np.uint8)
        return np.stack([kept[index] for index in indices])

    def _at(self, index: int) -> NDArray[np.uint8]:
        """Decode up to a frame that is still to come."""
        for frame in self._coming:
            self._next += 1
            if self._next > index:
                return as_shown(frame, self._track)
        raise ClipError(f"ends at frame {self._next} of {len(self)}", "it was changed: run again")


def read_frames(
    source: Source, most_pixels: int = MOST_PIXELS, in_memory: int = IN_MEMORY
) -> tuple[NDArray[np.uint8] | LongClip, Track]:
    """All frames of a clip, and what its header says. Every frame is decoded once here, so that a damaged one is found immediately.

    Args:
        source: a file, or its bytes.
        most_pixels: of all frames; larger clips are refused before anything is decoded.
        in_memory: pixels of all frames up to which they are held; longer clips are a :class:`LongClip`.

    Raises:
        ClipError: it is not a clip, is damaged, or is too large.
    """
    track = survey(source, most_pixels)
    kept: list[NDArray[np.uint8]] = []
    count, shape = 0, (0, 0, 3)
    for frame in decoded(source, track):
        count += 1
        pixels = track.packets * frame.width * frame.height
        if count > 1 and max(pixels, count * shape[0] * shape[1]) > in_memory:
            kept = []
            continue
        kept.append(as_shown(frame, track))
        if count == 1:
            shape = kept[0].shape
        elif kept[-1].shape != shape:
            raise ClipError("the size of its frames changes", "encode it again at one size")
    if not count:
        raise ClipError("has no frames")
    if len(kept) == count:
        return np.stack(kept), track
    return LongClip(source, track, (count, *shape)), track

"""What the variants ask of a video generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.video_generators.arriving import ArrivingFrames, Frames

if TYPE_CHECKING:
    from PIL.Image import Image

    from tpige_kedro.schemas import Guidance


@dataclass(frozen=True)
class SourceVideo:
    """A video to keep or to redraw: ``frames`` (T, H, W, 3) uint8 RGB, ``mask`` (T, H, W) uint8, 255 where to generate.

    T is the generator's ``num_frames``; the frames are resized to the generator's size. Without a mask everything is redrawn.
    """

    frames: Frames
    mask: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class ClipRequest:
    """One clip to make: a prompt, RGB references of the same person (the most important first), the seed of its noise."""

    sample_id: str
    prompt: str
    references: tuple[Image, ...]
    seed: int
    source_video: SourceVideo | None = None


class GeneratedClip:
    """A clip: its frames (T, H, W, 3) uint8 RGB, frames per second, and what the record should keep about its making.

    ``frames`` is an array, or :class:`~.arriving.ArrivingFrames`, which are computed on access: by :meth:`groups`, to
    compress them meanwhile, or as the whole array. A generator computes what nobody has taken before it makes the next clip.
    ``details`` are complete when the frames are.

    >>> clip = GeneratedClip(np.zeros((5, 32, 48, 3), np.uint8), fps=8)
    >>> clip.shape, sum(len(group) for group in clip.groups())
    ((5, 32, 48, 3), 5)
    """

    def __init__(
        self, frames: Frames | ArrivingFrames, fps: float, details: dict[str, Any] | None = None
    ) -> None:
        self._frames = frames
        self.fps = fps
        self.details = {} if details is None else details

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""
        count, height, width, channels = self._frames.shape
        return count, height, width, channels

    @property
    def frames(self) -> Frames:
        """All frames. Raises ``TpigeError`` if they cannot be computed."""
        return self._frames.array() if isinstance(self._frames, ArrivingFrames) else self._frames

    def groups(self) -> Iterator[Frames]:
        """The frames in order, in arrays (t, H, W, 3); to be taken once. Raises ``TpigeError`` if they cannot be computed."""
        if isinstance(self._frames, ArrivingFrames):
            yield from self._frames.groups()
        else:
            yield self._frames

    def settle(self) -> None:
        """Compute the frames now if nobody has taken them."""
        if isinstance(self._frames, ArrivingFrames):
            self._frames.settle()

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process gets the frames."""
        return GeneratedClip, (self.frames, self.fps, self.details)


class VideoGenerator(Protocol):
    """Makes clips; a request that fails yields its exception, so that the others continue.

    If a class makes different pixels from the same request, raise its ``version``: finished clips are then made again. It may also
    declare ``paid`` (a lost clip costs money), ``max_references`` (how many pictures of a person a request may hold; 1 without it) and ``weight_options`` (the options that name further weights, with their defaults;
    ``<option>_revision`` pins a hub id) and ``weight_lists`` (the options that list further weights, each with its ``source``). All are read without importing the class, so they are plain values in its body.
    """

    version: ClassVar[int]

    def generate(
        self, requests: Sequence[ClipRequest], guidance: Guidance
    ) -> Iterator[tuple[ClipRequest, GeneratedClip | Exception]]:
        """One clip per request, in any order, as each is finished (batches of equal geometry run together).

        Raises:
            ValueError: before anything is made, if ``guidance`` does not fit the model (key and value are named).
        """
        ...

"""What the variants ask of a video generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

    from tpige_kedro.schemas import Guidance

Frames = NDArray[np.uint8]  # (T, H, W, 3), RGB


@dataclass(frozen=True)
class SourceVideo:
    """A video to keep or to redraw: ``frames`` (T, H, W, 3) uint8 RGB, ``mask`` (T, H, W) uint8, 255 where to generate.

    T is the generator's ``num_frames``; the picture size is brought to the generator's. Without a mask all is redrawn.
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


@dataclass(frozen=True)
class GeneratedClip:
    """A finished clip: frames (T, H, W, 3) uint8 RGB, frames per second, and what the record should keep of its making."""

    frames: Frames
    fps: float
    details: dict[str, Any] = field(default_factory=dict)


class VideoGenerator(Protocol):
    """Makes clips; a request that fails yields the exception, so that the others go on.

    A class that makes other pixels from the same request raises its ``version``: finished clips are then made again. It may also
    declare ``paid`` (a lost clip costs money) and ``weight_options`` (the options that name further weights, with their defaults;
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

"""What face detection needs from a detector and recogniser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (h, w, 3)


@dataclass(frozen=True, eq=False)
class Face:
    """A detected face: ``box`` (4,) left, top, right, bottom, and ``landmarks`` (5, 2), in pixels, possibly outside the image."""

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        left, top, right, bottom = map(float, self.box)
        return (right - left) * (bottom - top)


class FaceModels(Protocol):
    """Finds faces and embeds them; pictures are BGR uint8."""

    def detect(self, picture: Picture) -> list[Face]:
        """All faces, highest confidence first."""
        ...

    def embed(self, picture: Picture, face: Face) -> NDArray[np.float32]:
        """The ArcFace vector (512,) of a face in ``picture``, not normalised."""
        ...

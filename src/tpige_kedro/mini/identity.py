"""Compares a redrawn reference with the original: is the face to be seen, is it the same one, is it sharp."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from tpige_kedro.errors import NoFaceError
from tpige_kedro.image_editors.protocol import Comparison
from tpige_kedro.mini.faces import FaceFinder
from tpige_kedro.mini.pictures import picture_to_images
from tpige_kedro.option_types import Device

if TYPE_CHECKING:
    from PIL.Image import Image

LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
LUMA = (0.299, 0.587, 0.114)


class MiniIdentity:
    """A judge of redrawn references; ``source`` is the ``face`` folder. ``revision`` is for hub models and not used."""

    version: ClassVar[int] = 1  # raise it when the same pictures compare otherwise

    def __init__(
        self, source: str, revision: str | None = None, device: Device | None = None
    ) -> None:
        self.find = FaceFinder(source, device)

    def compare(self, original: Image, candidate: Image) -> Comparison:
        """The candidate's face against the original's, by the ArcFace encoder; sharpness of the candidate's head.

        Raises:
            NoFaceError: the original shows no face.
        """
        anchor = self.find(picture_to_images(original, self.find.device))
        if not bool(anchor.visible[0]):
            raise NoFaceError(
                "no face is visible in the original reference to this model, which knows drawn people only; use a portrait with an "
                "uncovered face"
            )
        found = self.find(picture_to_images(candidate, self.find.device))
        visible = bool(found.visible[0])
        similarity = float((anchor.arcface[0] * found.arcface[0]).sum()) if visible else None
        return Comparison(visible, similarity, float(sharpness(found.crops)[0]))


def sharpness(images: Tensor) -> Tensor:
    """Variance of the Laplacian of the luma (Pech-Pacheco et al. 2000), (n,), for pictures (n, 3, h, w) in [-1, 1]."""
    luma = (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    edges = F.conv2d(luma, torch.tensor(LAPLACIAN, device=images.device)[None, None])
    return edges.flatten(1).var(1)

"""A stack of pictures that shapes are painted on, back to front, with anti-aliased edges."""

from __future__ import annotations

import torch
from torch import Tensor

from tpige_kedro.mini.world.vocabulary import Colour

Paint = Tensor | Colour  # (n, 3, 1, 1), or one colour for all


class Canvas:
    """``image`` (n, 3, S, S) in [0, 1]; ``pixels_per_unit`` (n, 1, 1) turns distances into pixels for the edges."""

    def __init__(self, image: Tensor, pixels_per_unit: Tensor) -> None:
        self.image = image
        self.pixels_per_unit = pixels_per_unit

    def paint(self, distance: Tensor, colour: Paint, opacity: Tensor | float = 1.0) -> None:
        """Lay ``colour`` over the inside of a shape; ``opacity`` (n, 1, 1), (n, S, S) or a number in [0, 1]."""
        alpha = (0.5 - distance * self.pixels_per_unit).clamp(0, 1) * opacity
        if not isinstance(colour, Tensor):
            colour = self.image.new_tensor(colour).view(1, 3, 1, 1)
        self.image = torch.lerp(
            self.image,
            colour.to(self.image.dtype).expand_as(self.image),
            alpha[:, None].to(self.image.dtype),
        )

    def rows(self, index: Tensor) -> Canvas:
        """The pictures at ``index`` as a canvas of their own; give them back with :meth:`put`."""
        return Canvas(self.image[index], self.pixels_per_unit[index])

    def put(self, index: Tensor, part: Canvas) -> None:
        """Replace the pictures at ``index``."""
        self.image[index] = part.image

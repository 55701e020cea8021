"""The canvas on which ACE++ draws: the reference on the left, an empty target of the same height on the right."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

PATCH = 16  # pixels a side of what the transformer sees as one token
SEAM = 30  # pixels right of the reference that show the transition, not the picture
GREY = (128, 128, 128)  # zero in the model's range [-1, 1]
SMALLEST = 0.25  # share of the target's width that must be left to draw on

Size = tuple[int, int]  # width, height, as Pillow has it


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels, multiples of 16: the whole canvas, and how much of its width is the reference."""

    width: int
    height: int
    reference_width: int

    @property
    def size(self) -> Size:
        """Width and height of the canvas."""
        return self.width, self.height

    @property
    def tokens(self) -> int:
        """How many tokens the transformer sees."""
        return (self.width // PATCH) * (self.height // PATCH)

    @property
    def target_box(self) -> tuple[int, int, int, int]:
        """Left, upper, right, lower of what is cut out in the end: all right of the reference but the seam."""
        return self.reference_width + SEAM, 0, self.width, self.height


def lay_out(reference: Size, target: Size, max_tokens: int) -> Layout:
    """Scale the reference to the height of the target, put both side by side, and shrink the whole to ``max_tokens``.

    The trap of the published settings: a square reference beside a target of 1024 x 1024 has 8192 tokens, twice the 4096 that
    are allowed, so both are really drawn at 720 x 720 and enlarged at the end.

    Raises:
        ValueError: the reference is so wide that hardly anything is left of the target.
    """
    beside = round(reference[0] * target[1] / reference[1])
    width, height = beside + target[0], target[1]
    scale = min(1.0, math.sqrt(max_tokens / ((width / PATCH) * (height / PATCH))))
    layout = Layout(_fit(width * scale), _fit(height * scale), _fit(beside * scale))
    left, _, right, _ = layout.target_box
    if right - left < SMALLEST * target[0]:
        raise ValueError(
            f"the reference is {reference[0]}x{reference[1]} pixels, so wide that {right - left} pixels are left to draw on; "
            "crop it around the person"
        )
    return layout


def compose(reference: Image.Image, layout: Layout) -> tuple[Image.Image, Image.Image]:
    """The canvas (RGB) and its mask (L): 0 keeps the reference, 255 is to be drawn."""
    box = (layout.reference_width, layout.height)
    canvas = Image.new("RGB", layout.size, GREY)
    canvas.paste(reference.convert("RGB").resize(box, Image.Resampling.LANCZOS), (0, 0))
    mask = Image.new("L", layout.size, 255)
    mask.paste(0, (0, 0, *box))
    return canvas, mask


def crop_target(canvas: Image.Image, layout: Layout, target: Size) -> Image.Image:
    """What was drawn right of the seam, in the size of the target.

    As published, the width of the seam is made up for by stretching: 4 % at the sizes of :func:`lay_out`'s example.
    """
    return canvas.crop(layout.target_box).resize(target, Image.Resampling.LANCZOS)


def _fit(pixels: float) -> int:
    """The largest multiple of 16 that is not more than ``pixels``, at least one."""
    return max(PATCH, int(pixels) // PATCH * PATCH)

"""Saves a plot small: a picture of few colours takes a third of the bytes, and no difference is seen."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

COLOURS = 32


def save_small(figure: Figure, file: Path, dpi: float | str = "figure") -> None:
    """Write ``figure`` as a PNG with a palette."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=dpi, metadata={"Software": None})
    with Image.open(drawn) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)

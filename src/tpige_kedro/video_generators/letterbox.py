"""Resizes a reference picture to the size of the clip: aspect ratio kept, on a white canvas (what VACE and Phantom were trained on)."""

from __future__ import annotations

from PIL import Image


def letterbox(
    picture: Image.Image, height: int, width: int, rounded_down: bool = False
) -> Image.Image:
    """``picture`` as RGB, scaled by LANCZOS to fit ``height`` x ``width`` pixels, centred on white.

    ``rounded_down``: the shorter side as Phantom's authors compute it, one pixel less for some sizes (option ``letterbox: phantom``).

    diffusers and the authors scale bilinearly without antialiasing, which aliases a large photo; theirs is kept as the
    generators' option ``letterbox: stock``.
    """
    size = (
        _rounded_down(picture, height, width) if rounded_down else _nearest(picture, height, width)
    )
    canvas = Image.new("RGB", (width, height), "white")
    fitted = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    canvas.paste(fitted, ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas


def _nearest(picture: Image.Image, height: int, width: int) -> tuple[int, int]:
    scale = min(height / picture.height, width / picture.width)
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def _rounded_down(picture: Image.Image, height: int, width: int) -> tuple[int, int]:
    """The same division as theirs: another order of operations is off by a pixel where the result is whole."""
    ratio = picture.width / picture.height
    if ratio > width / height:
        return width, max(1, int(width / ratio))
    return max(1, int(height * ratio)), height

"""Brings a reference picture to the size of the clip: aspect kept, on a white canvas (what VACE and Phantom were trained on)."""

from __future__ import annotations

from PIL import Image


def letterbox(picture: Image.Image, height: int, width: int) -> Image.Image:
    """``picture`` as RGB, scaled by LANCZOS to fit ``height`` x ``width`` pixels, centred on white.

    diffusers and the authors scale bilinearly without antialiasing, which aliases a large photo; theirs is kept as the
    generators' option ``letterbox: stock``.
    """
    scale = min(height / picture.height, width / picture.width)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    canvas = Image.new("RGB", (width, height), "white")
    fitted = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    canvas.paste(fitted, ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas

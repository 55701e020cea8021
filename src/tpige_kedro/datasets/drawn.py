"""Pictures that a model may have drawn: PNG files that say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from tpige_kedro.files.errors import DatasetError
from tpige_kedro.provenance import PNG_KEYWORD, XMP

if TYPE_CHECKING:
    from PIL.Image import Image

MARK = "ai_generated"


def as_drawn(picture: Image) -> Image:
    """A copy of ``picture`` that :class:`DrawnPictureDataset` saves as AI-made; its pixels are the same."""
    drawn = picture.copy()
    drawn.info[MARK] = True
    return drawn


class DrawnPictureDataset(AbstractDataset["Image", "Image"]):
    """One picture as PNG. Those marked by :func:`as_drawn` carry XMP that says so; a photo that was kept carries none.

    ``compress_level`` is that of zlib: 1 is fast, the default of Pillow small.
    """

    def __init__(
        self,
        *,
        filepath: str,
        compress_level: int | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._filepath = filepath
        self._options = {} if compress_level is None else {"compress_level": compress_level}
        self.metadata = metadata

    def load(self) -> Image:
        """The picture, marked if its file is. Raises ``DatasetError`` naming a file that is no picture."""
        from PIL import Image

        try:
            with Image.open(self._filepath, formats=["PNG"]) as picture:
                picture.load()
        except (OSError, ValueError, SyntaxError) as error:
            raise DatasetError(f"{self._filepath} is not a readable image: {error}") from error
        return as_drawn(picture) if picture.info.get("xmp") == XMP.encode() else picture

    def save(self, data: Image) -> None:
        """Write the file."""
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        if data.info.get(MARK):
            text.add_itxt(PNG_KEYWORD, XMP)
        data.save(self._filepath, format="PNG", pnginfo=text, **self._options)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}

    def _exists(self) -> bool:
        return Path(self._filepath).is_file()

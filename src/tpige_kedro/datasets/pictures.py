"""Reference pictures: whatever a user has, as an upright RGB picture of sensible size, or a clear error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import kedro.io
from kedro.io import AbstractDataset

from tpige_kedro.datasets.previews import STRIP_FRAMES, strip_of
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.files.known import KnownFiles

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview
    from PIL.Image import Image

MIN_SIDE = 16  # pixels: no face can be recognised below
MAX_PIXELS = (
    80_000_000  # larger headers are refused before any pixel is decoded (decompression bombs)
)
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


class PictureError(DatasetError):
    """A picture that cannot be used: names the file, what is wrong and what to do."""


def known_files(store: str | None) -> KnownFiles:
    """What is known of files, kept in ``store`` if there is one."""
    return KnownFiles(Path(store) if store else None)


def load_reference(path: str | Path) -> Image:
    """The picture at ``path``, as :func:`as_reference` makes it.

    Raises:
        PictureError: absent, not a picture, damaged, smaller than 16 pixels a side, or larger than 80 megapixels.
    """
    from PIL import Image, UnidentifiedImageError

    path = Path(path)
    try:
        with Image.open(path) as picture:
            return as_reference(picture, name=str(path))
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError(
            f"reference {path}: no such file; put the picture there or correct its name"
        ) from error
    except Image.DecompressionBombError as error:
        raise PictureError(
            f"reference {path}: {error}; scale it down to at most 4096 pixels a side"
        ) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        # Pillow raises SyntaxError on broken PNG chunks, OSError on truncated data
        raise PictureError(
            f"reference {path}: damaged or not a picture ({error}); save it again as PNG or JPEG"
        ) from error


def as_reference(picture: Image, name: str = "picture") -> Image:
    """``picture`` turned upright (EXIF), on white where it is transparent, in RGB (from CMYK, grey, palette, 16 bit).

    Raises:
        PictureError: smaller than 16 pixels a side, or larger than 80 megapixels.
    """
    from PIL import Image, ImageOps

    width, height = picture.size
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"reference {name}: {width}x{height} pixels; a face needs at least {MIN_SIDE} a side"
        )
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"reference {name}: {width}x{height} pixels; scale it down to at most 4096 a side"
        )
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I;16") or upright.mode in {"I", "F"}:
        upright = _eight_bit(upright)
    if "A" not in upright.getbands() and "transparency" not in upright.info:
        return upright.convert("RGB")
    opaque = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(opaque, upright.convert("RGBA")).convert("RGB")


def _eight_bit(picture: Image) -> Image:
    """Scale 16 bits a channel to 8; Pillow's own conversion would clip at 255."""
    import numpy as np
    from PIL import Image

    values = np.asarray(picture, dtype=np.float64)
    top = 65535.0 if values.max() > 255 else 255.0
    return Image.fromarray((values / top * 255).clip(0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Checked:
    """What is known of a picture file: the hash of its pixels, or the ``problem`` that it cannot be opened for."""

    hash: str
    problem: str = ""


class Pictures(Mapping[str, Callable[[], "Image"]]):
    """Reference pictures by name: each is opened, and may fail, when it is called for.

    What was found out about a file is remembered in ``known`` for as long as its size and time stay the same, so that a rerun
    opens no picture.
    """

    def __init__(self, files: Mapping[str, Path], known: KnownFiles | None = None) -> None:
        self.files = dict(files)
        self._known = known or KnownFiles()

    def __getitem__(self, name: str) -> Callable[[], Image]:
        return partial(load_reference, self.files[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def check(self, name: str) -> Checked:
        """The hash of the picture's pixels, or why it cannot be opened.

        Only hashes are remembered: what stops a picture from being opened (a permission, a network disk) may pass while its
        file stays as it is.
        """
        file = self.files[name]
        try:
            return Checked(self._known.fact("picture_hash", file, _hash))
        except kedro.io.DatasetError as error:  # says which file, what is wrong and what to do
            return Checked("", str(error))
        except OSError as error:
            problem = (error.strerror or str(error)).lower()
            return Checked("", f"reference {file}: {problem}; put the picture back, readable")

    def remember(self) -> None:
        """Keep what was found out for the next run."""
        self._known.save()


# by name, opened when called; what they give is an Image, a name that Kedro could not resolve when it reads the nodes' types
References = Mapping[str, Callable[[], Any]]


def checked_picture(references: References, name: str, expected: str) -> Image:
    """The picture ``name``, which must be the one that was checked: the hash of its pixels is ``expected``.

    Raises:
        TpigeError: it is gone, or another picture.
        PictureError: it cannot be opened.
    """
    if name not in references:
        raise TpigeError(f"reference {name} is gone; put the picture back and run again")
    if isinstance(references, Pictures):
        checked = references.check(name)
        if checked.problem:
            raise PictureError(checked.problem)
        if checked.hash != expected:
            raise TpigeError(
                f"reference {name} was changed since the samples were checked; run prompt_enhancement (or full) again"
            )
    return references[name]()


def _hash(file: Path) -> str:
    return picture_hash(load_reference(file))


class PictureFolder(AbstractDataset[None, Pictures]):
    """The pictures of a folder by file name, read-only; each is loaded, and may fail, when it is asked for.

    ``known`` is a file that keeps what was found out about them.
    """

    def __init__(
        self, *, path: str, known: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._path = Path(path)
        self._known = known
        self.metadata = metadata

    def load(self) -> Pictures:
        """The picture files. Raises ``DatasetError`` if the folder is absent."""
        if not self._path.is_dir():
            raise DatasetError(
                f"{self._path}: no such folder; put the reference pictures there, or set samples_root to a folder with "
                "samples.csv and references/ (kedro run --params=samples_root=/path)"
            )
        return Pictures({file.name: file for file in self._files()}, known_files(self._known))

    def save(self, data: None) -> NoReturn:
        """Refused: references are the user's own files."""
        raise DatasetError("reference pictures are only read")

    def preview(self) -> ImagePreview:  # Kedro-Viz reads this very name; None means no preview
        """The first four pictures side by side, for Kedro-Viz."""
        files = self._files()[:STRIP_FRAMES]
        return strip_of([load_reference(file) for file in files]) if files else None  # type: ignore[return-value]

    def _files(self) -> list[Path]:
        return sorted(
            f
            for f in self._path.iterdir()
            if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")
        )

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}

    def _exists(self) -> bool:
        return self._path.is_dir()

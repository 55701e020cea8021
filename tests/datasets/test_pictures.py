from __future__ import annotations

import io
import struct
import time
import zlib
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from tpige_kedro.datasets import PictureFolder
from tpige_kedro.datasets.pictures import (
    Checked,
    PictureError,
    as_reference,
    checked_picture,
    load_reference,
)
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.pictures import picture_hash


def halves(mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, 40 x 20."""
    picture = Image.new("RGB", (40, 20), (255, 0, 0))
    picture.paste((0, 0, 255), (20, 0, 40, 20))
    return picture.convert(mode)


def colours(picture: Image.Image) -> tuple[list[int], list[int]]:
    """The middle of the left and of the right half."""
    pixels = np.asarray(picture).astype(int)
    row, width = pixels[picture.height // 2], picture.width
    return row[width // 4].tolist(), row[3 * width // 4].tolist()


FORMS = [
    *((".png", mode) for mode in ("RGB", "RGBA", "P")),
    *((".jpg", mode) for mode in ("RGB", "CMYK", "YCbCr")),
    *((".tif", mode) for mode in ("RGB", "RGBA", "P", "CMYK", "YCbCr")),
]


@pytest.mark.parametrize(("suffix", "mode"), FORMS)
def test_every_usual_form_becomes_the_same_rgb(tmp_path: Path, suffix: str, mode: str) -> None:
    halves(mode).save(tmp_path / f"a{suffix}")
    picture = load_reference(tmp_path / f"a{suffix}")
    assert picture.mode == "RGB" and picture.size == (40, 20)
    left, right = colours(picture)
    assert np.abs(np.subtract(left, [255, 0, 0])).max() < 12
    assert np.abs(np.subtract(right, [0, 0, 255])).max() < 12


def test_transparency_is_laid_on_white() -> None:
    picture = halves("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    assert colours(as_reference(picture)) == ([255, 255, 255], [255, 255, 255])
    picture.putalpha(Image.new("L", picture.size, 128))
    assert np.abs(np.subtract(colours(as_reference(picture))[0], [255, 127, 127])).max() <= 1


def test_a_transparent_palette_colour_is_laid_on_white(tmp_path: Path) -> None:
    picture = halves("P")
    picture.save(tmp_path / "a.png", transparency=picture.getpixel((5, 5)))
    left, right = colours(load_reference(tmp_path / "a.png"))
    assert left == [255, 255, 255] and right[2] > 200 > right[0]


def test_grey_and_sixteen_bits_keep_their_tones() -> None:
    ramp = np.linspace(0, 65535, 40 * 20).reshape(20, 40).astype(np.uint16)
    wide = np.asarray(as_reference(Image.fromarray(ramp)))
    grey = np.asarray(as_reference(Image.fromarray((ramp >> 8).astype(np.uint8))))
    assert np.abs(wide.astype(int) - grey).max() <= 1 and wide.std() > 60


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = halves()
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(np.asarray(load_reference(tmp_path / "a.png")), np.asarray(upright))


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


def truncated() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(
        buffer, "PNG"
    )
    return buffer.getvalue()[:3000]


def one_pixel() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"GIF89a but no", "damaged or not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "damaged or not a picture"),
        (truncated(), "damaged or not a picture"),
        (one_pixel(), "1x1 pixels.*at least 16"),
        (png_header(9000, 9000), "9000x9000.*scale it down"),
        (png_header(20_000, 20_000), "400000000 pixels.*scale it down"),
    ],
)
def test_what_cannot_be_used_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "face.png").write_bytes(content)
    started = time.thread_time()
    with pytest.raises(PictureError, match=rf"face\.png.*{message}"):
        load_reference(tmp_path / "face.png")
    assert time.thread_time() - started < 2, "refused by its header, not after decoding"


def test_an_absent_picture(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no such file"):
        load_reference(tmp_path / "none.png")


def test_a_folder_is_read_by_name_and_only_when_asked(tmp_path: Path) -> None:
    halves().save(tmp_path / "b.PNG")
    halves().save(tmp_path / "a.jpg")
    (tmp_path / "broken.png").write_bytes(b"")
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no picture")
    pictures = PictureFolder(path=str(tmp_path)).load()
    assert sorted(pictures) == ["a.jpg", "b.PNG", "broken.png"]
    assert pictures["b.PNG"]().size == (40, 20)
    with pytest.raises(PictureError):
        pictures["broken.png"]()


# --- what is known of pictures -------------------------------------------------------------------------------------------------


def test_a_picture_is_known_by_its_pixels_or_by_what_is_wrong_with_it(tmp_path: Path) -> None:
    halves().save(tmp_path / "a.png")
    halves().save(tmp_path / "b.tif")
    (tmp_path / "broken.png").write_bytes(b"GIF")
    pictures = PictureFolder(path=str(tmp_path)).load()
    assert pictures.check("a.png") == pictures.check("b.tif") == Checked(picture_hash(halves()))
    broken = pictures.check("broken.png")
    assert broken.hash == "" and "broken.png: damaged or not a picture" in broken.problem
    with pytest.raises(KeyError):
        pictures.check("none.png")


def test_the_picture_that_was_checked_is_the_one_that_is_used(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    halves().save(file)
    pictures = PictureFolder(path=str(tmp_path)).load()
    known = pictures.check("a.png").hash
    assert picture_hash(checked_picture(pictures, "a.png", known)) == known
    with pytest.raises(TpigeError, match=r"a\.png was changed since .* run prompt_enhancement"):
        checked_picture(pictures, "a.png", "another")
    halves().transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(file)
    with pytest.raises(TpigeError, match=r"a\.png was changed"):
        checked_picture(pictures, "a.png", known)
    halves().save(file, compress_level=0)
    assert checked_picture(pictures, "a.png", known).size == (40, 20), "as a file it is another one"


def test_a_picture_that_cannot_be_used_any_more_says_why(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    halves().save(file)
    pictures = PictureFolder(path=str(tmp_path)).load()
    known = pictures.check("a.png").hash
    with pytest.raises(TpigeError, match=r"reference b\.png is gone; put the picture back"):
        checked_picture(pictures, "b.png", known)
    file.write_bytes(b"GIF")
    with pytest.raises(PictureError, match=r"a\.png: damaged or not a picture"):
        checked_picture(pictures, "a.png", known)
    file.unlink()
    with pytest.raises(PictureError, match=r"a\.png: no such file.*put the picture back"):
        checked_picture(pictures, "a.png", known)


def test_pictures_without_files_are_taken_as_they_are() -> None:
    assert checked_picture({"a.png": halves}, "a.png", "whatever") == halves()
    with pytest.raises(TpigeError, match=r"b\.png is gone"):
        checked_picture({"a.png": halves}, "b.png", "whatever")


def test_what_is_known_is_kept_beside_the_data_and_not_beside_the_pictures(tmp_path: Path) -> None:
    (tmp_path / "references").mkdir()
    halves().save(tmp_path / "references" / "a.png")
    known = tmp_path / "data" / "known.json"
    folder = PictureFolder(path=str(tmp_path / "references"), known=str(known))
    pictures = folder.load()
    pictures.check("a.png")
    assert not known.exists()
    pictures.remember()
    assert known.exists() and [f.name for f in (tmp_path / "references").iterdir()] == ["a.png"]


def test_the_photo_of_a_person_is_in_memory_once_for_all_samples_in_a_row(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    halves().save(file)
    pictures = PictureFolder(path=str(tmp_path)).load()
    first, again = pictures["a.png"](), pictures["a.png"]()
    assert again is first
    halves().rotate(180).save(file)
    assert pictures["a.png"]() != first


def test_an_absent_folder_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="samples_root"):
        PictureFolder(path=str(tmp_path / "none")).load()


def test_the_preview_shows_four(tmp_path: Path) -> None:
    for name in "abcde":
        halves().save(tmp_path / f"{name}.png")
    preview = PictureFolder(path=str(tmp_path)).preview()
    assert Image.open(io.BytesIO(b64decode(preview))).size == (4 * 256, 128)

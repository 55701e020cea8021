"""Whatever form a picture has, the same is seen: format x mode x orientation x profile, against plain 8-bit sRGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import (
    P3,
    SRGB,
    chunk,
    distance,
    exif,
    grey_profile,
    ink_profile,
    matrix_profile,
    png,
    portrait,
    profile,
    stored,
    stored_in,
    tiff,
    to_lab,
    write,
)
from PIL import Image, features

from tpige_kedro.datasets.pictures import PictureError, load_reference

SAVED = {  # how closely a format keeps what is saved, in levels
    "png": ({}, 0),
    "tif": ({}, 0),
    "tiff": ({"compression": "tiff_lzw"}, 0),
    "webp": ({"lossless": True}, 0),
    "jpg": ({"quality": 100, "subsampling": 0}, 1.5),
    "avif": ({"quality": 100, "subsampling": "4:4:4"}, 1.5),
}
EXACT = [name for name, (_, slack) in SAVED.items() if slack == 0]
HELD = {  # modes that a format holds
    "png": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "tif": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"],
    "tiff": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"],
    "webp": ["RGB", "RGBA"],
    "jpg": ["L", "RGB", "CMYK"],
}


def save(picture: Image.Image, file: Path, **options: object) -> Path:
    picture.save(file, **SAVED[file.suffix[1:]][0], **options)  # type: ignore[arg-type]
    return file


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", SAVED)
def test_every_format_is_turned_upright_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    file = save(stored(portrait(), orientation), tmp_path / f"a.{suffix}", exif=exif(orientation))
    seen = load_reference(file)
    assert distance(seen, portrait()) <= SAVED[suffix][1]
    assert not seen.info, "nothing of the file's own orientation and profile goes on"


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize(
    ("suffix", "mode"), [(suffix, mode) for suffix, modes in HELD.items() for mode in modes]
)
def test_every_mode_is_turned_like_its_upright_copy(
    tmp_path: Path, suffix: str, mode: str, orientation: int
) -> None:
    """Pillow maps some uncompressed TIFF files into memory in the shape of the upright picture: they come out torn."""
    picture = portrait("L" if mode in {"I;16", "F"} else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    elif mode == "F":
        picture = Image.fromarray(np.asarray(picture) / np.float32(255))
    save(picture, tmp_path / f"upright.{suffix}")
    file = save(stored(picture, orientation), tmp_path / f"a.{suffix}", exif=exif(orientation))
    upright = load_reference(tmp_path / f"upright.{suffix}")
    assert distance(load_reference(file), upright) <= SAVED[suffix][1]


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("gamma", [None, 1.8])
@pytest.mark.parametrize("suffix", SAVED)
def test_a_profile_is_seen_in_every_format(
    tmp_path: Path, suffix: str, gamma: float | None, orientation: int
) -> None:
    wide = stored(stored_in(portrait(), P3, gamma), orientation)
    assert distance(stored(stored_in(portrait(), P3, gamma), 1), portrait()) > 5
    icc = matrix_profile(P3, gamma)
    file = save(wide, tmp_path / f"a.{suffix}", icc_profile=icc, exif=exif(orientation))
    assert distance(load_reference(file), portrait()) <= 1 + SAVED[suffix][1]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1"])
def test_a_profile_of_srgb_changes_no_pixel(tmp_path: Path, mode: str) -> None:
    plain, tagged = tmp_path / "plain.png", tmp_path / "tagged.png"
    portrait(mode).save(plain)
    portrait(mode).save(tagged, icc_profile=matrix_profile())
    assert distance(load_reference(plain), load_reference(tagged)) == 0


@pytest.mark.parametrize("alpha", [0, 100, 255])
def test_a_profile_and_transparency(tmp_path: Path, alpha: int) -> None:
    plain, wide = portrait("RGBA"), stored_in(portrait(), P3).convert("RGBA")
    for picture, options in ((plain, {}), (wide, {"icc_profile": matrix_profile(P3)})):
        picture.putalpha(alpha)
        picture.save(tmp_path / f"{bool(options)}.png", **options)
    expected = load_reference(tmp_path / "False.png")
    assert distance(load_reference(tmp_path / "True.png"), expected) <= 1


def test_a_palette_with_a_profile(tmp_path: Path) -> None:
    few = portrait().quantize(32).convert("RGB")
    stored_in(few, P3).quantize(32).save(tmp_path / "a.png", icc_profile=matrix_profile(P3))
    assert distance(load_reference(tmp_path / "a.png"), few) <= 2


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_profiles(tmp_path: Path, mode: str) -> None:
    grey = portrait("L")
    stored_in(grey.convert("RGB"), SRGB, 1.5).convert("L").convert(mode).save(
        tmp_path / "a.png", icc_profile=grey_profile(1.5)
    )
    assert distance(load_reference(tmp_path / "a.png"), grey.convert("RGB")) <= 1.5


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_inks_with_and_without_a_profile(tmp_path: Path, suffix: str) -> None:
    """JPEG stores ink inverted, as Adobe does; in halves of pure ink both ways must give the same colours."""
    for ink, rgb in {
        (0, 0, 0, 0): (255,) * 3,
        (255, 0, 0, 0): (0, 255, 255),
        (0, 0, 0, 255): (0,) * 3,
    }.items():
        picture = Image.new("CMYK", (32, 32), ink)
        for name, options in (("bare", {}), ("tagged", {"icc_profile": ink_profile()})):
            picture.save(tmp_path / f"{name}.{suffix}", **options)
            seen = load_reference(tmp_path / f"{name}.{suffix}")
            assert distance(seen, Image.new("RGB", (32, 32), rgb)) <= 3, (ink, name)


def test_lab(tmp_path: Path) -> None:
    lab = to_lab(np.asarray(portrait(), float))
    values = np.where([True, False, False], lab, (lab - 128) % 256).astype(
        np.uint8
    )  # a and b are signed
    file = write(tmp_path, "a.tif", tiff(values, t262=8))
    assert distance(load_reference(file), portrait()) <= 1.5


@pytest.mark.parametrize(
    "damaged",
    [
        b"no profile",
        matrix_profile(P3)[:200],
        b"\0" * 500,
        profile(b"RGB ", {}),
        ink_profile(),
        grey_profile(2.2),
    ],
    ids=["text", "cut", "zeros", "without curves", "of inks", "of grey"],
)
def test_a_profile_that_cannot_be_used_is_named_and_ignored(
    tmp_path: Path, damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        portrait().save(tmp_path / "a.png", icc_profile=damaged)
        assert distance(load_reference(tmp_path / "a.png"), portrait()) == 0
    assert len(caplog.messages) == 1
    assert (
        "a.png: a" in caplog.text and "colour profile" in caplog.text and "ignored" in caplog.text
    )


# --- colours in a few numbers ---------------------------------------------------------------------------------------------------

CHRM = chunk  # (name, data) pairs below are chunks of PNG


def gama(gamma: float) -> tuple[bytes, bytes]:
    return b"gAMA", round(100_000 / gamma).to_bytes(4, "big")


def chrm(primaries: tuple[tuple[float, float], ...]) -> tuple[bytes, bytes]:
    points = [0.3127, 0.3290, *(v for point in primaries for v in point)]
    return b"cHRM", b"".join(round(100_000 * v).to_bytes(4, "big") for v in points)


CODES = {
    "gamma": (SRGB, 1.0, [gama(1.0)]),
    "gamma of old Macs": (SRGB, 1.8, [gama(1.8)]),
    "primaries": (P3, 1.8, [gama(1.8), chrm(P3)]),
    "primaries alone": (P3, None, [chrm(P3)]),
    "code of Display P3": (P3, None, [(b"cICP", bytes([12, 13, 0, 1]))]),
    "a code before a gamma": (P3, None, [(b"cICP", bytes([12, 13, 0, 1])), gama(1.0)]),
}


@pytest.mark.parametrize(("primaries", "gamma", "chunks"), CODES.values(), ids=CODES)
def test_colours_that_a_png_states_in_numbers(tmp_path: Path, primaries, gamma, chunks) -> None:
    values = np.asarray(stored_in(portrait(), primaries, gamma))
    file = write(tmp_path, "a.png", png(values, 8, 2, *chunks))
    slack = 3 if gamma == 1.0 else 1  # few of the 256 levels of linear light are dark ones
    assert distance(load_reference(file), portrait()) <= slack


@pytest.mark.parametrize(
    "chunks",
    [
        [gama(2.2)],
        [gama(2.2), chrm(SRGB)],
        [(b"sRGB", b"\0"), gama(1.0)],
        [(b"cICP", bytes([1, 13, 0, 1]))],
        [(b"gAMA", b"\0" * 4)],
        [(b"cHRM", b"\0" * 32)],
    ],
)
def test_numbers_that_mean_srgb_or_nothing_change_no_pixel(tmp_path: Path, chunks) -> None:
    file = write(tmp_path, "a.png", png(np.asarray(portrait()), 8, 2, *chunks))
    assert distance(load_reference(file), portrait()) == 0


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_refused_by_name(tmp_path: Path, transfer: int) -> None:
    hdr = png(np.asarray(portrait()), 8, 2, (b"cICP", bytes([9, transfer, 0, 1])))
    with pytest.raises(PictureError, match=r"a\.png: an HDR picture .*8-bit PNG or JPEG"):
        load_reference(write(tmp_path, "a.png", hdr))


def test_the_colour_code_of_an_avif(tmp_path: Path) -> None:
    file = save(stored_in(portrait(), P3), tmp_path / "a.avif")
    data = file.read_bytes()
    at = data.index(b"nclx")
    code = lambda primaries, transfer: bytes([0, primaries, 0, transfer])  # noqa: E731
    file.write_bytes(data[: at + 4] + code(12, 13) + data[at + 8 :])
    assert distance(load_reference(file), portrait()) <= 2.5
    file.write_bytes(data[: at + 4] + code(9, 16) + data[at + 8 :])
    with pytest.raises(PictureError, match="HDR picture"):
        load_reference(file)


# --- transparency ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_the_transparent_grey_of_every_depth_is_white(tmp_path: Path, bits: int) -> None:
    top = 2**bits - 1
    values = np.zeros((32, 32), int)
    values[:, :16] = top // 3
    values[16:] = top
    clear = (b"tRNS", (top // 3).to_bytes(2, "big"))
    seen = np.asarray(load_reference(write(tmp_path, "a.png", png(values, bits, 0, clear))))
    assert (
        (seen[:16, :16] == 255).all() and (seen[:16, 16:] == 0).all() and (seen[16:] == 255).all()
    )


@pytest.mark.parametrize("bits", [8, 16])
def test_the_transparent_colour_of_every_depth_is_white(tmp_path: Path, bits: int) -> None:
    top = 2**bits - 1
    values = np.zeros((32, 32, 3), int)
    values[:, :16] = top, top // 5, 0
    clear = (b"tRNS", b"".join(int(v).to_bytes(2, "big") for v in (top, top // 5, 0)))
    seen = np.asarray(load_reference(write(tmp_path, "a.png", png(values, bits, 2, clear))))
    assert (seen[:, :16] == 255).all() and (seen[:, 16:] == 0).all()


@pytest.mark.parametrize("kind", ["RGBA", "LA"])
def test_sixteen_bits_with_alpha(tmp_path: Path, kind: str) -> None:
    values = np.asarray(portrait(kind).copy()).astype(int)
    values[..., -1] = 100
    whole = Image.fromarray(values.astype(np.uint8))
    whole.save(tmp_path / "plain.png")
    deep = png(values * 257, 16, 6 if kind == "RGBA" else 4)
    seen = load_reference(write(tmp_path, "deep.png", deep))
    assert distance(seen, load_reference(tmp_path / "plain.png")) == 0


def test_premultiplied_alpha(tmp_path: Path) -> None:
    values = np.asarray(portrait("RGBA")).astype(float)
    values[..., 3] = 128
    values[..., :3] *= 128 / 255
    multiplied = tiff(values.round().astype(np.uint8), t338=1)
    straight = portrait("RGBA")
    straight.putalpha(128)
    straight.save(tmp_path / "plain.png")
    seen = load_reference(write(tmp_path, "a.tif", multiplied))
    assert distance(seen, load_reference(tmp_path / "plain.png")) <= 1


# --- animations and odd ends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif", "tif"])
def test_of_an_animation_the_first_frame_is_used(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = portrait().quantize(64).convert("RGB")
    others = [first.transpose(Image.Transpose.ROTATE_180)] * 2
    options = (
        {"lossless": True} if suffix == "webp" else {"quality": 100} if suffix == "avif" else {}
    )
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=others, **options)
    for _ in range(2):
        seen = load_reference(tmp_path / f"a.{suffix}")
    assert distance(seen, first) <= (4 if suffix == "avif" else 0)
    assert len(caplog.messages) == 1 and "the first one is used" in caplog.text


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "bmp"])
def test_a_single_picture_is_not_called_an_animation(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = portrait().quantize(64).convert("RGB")
    first.save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    assert distance(load_reference(tmp_path / f"a.{suffix}"), first) == 0
    assert not caplog.messages


@pytest.mark.parametrize("legacy", [False, True])
def test_orientation_by_xmp_and_by_old_png_text(tmp_path: Path, legacy: bool) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if legacy:
        raw = exif(6).tobytes()
        info.add_text("Raw profile type exif", f"\nexif\n{len(raw):8}\n{raw.hex()}\n")
    else:
        info.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    stored(portrait(), 6).save(tmp_path / "a.png", pnginfo=info)
    assert distance(load_reference(tmp_path / "a.png"), portrait()) == 0


@pytest.mark.parametrize(
    "broken", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_damaged_exif_turns_nothing(tmp_path: Path, broken: bytes) -> None:
    for suffix in ("jpg", "png", "webp"):
        file = save(portrait(), tmp_path / f"a.{suffix}", exif=broken)
        assert distance(load_reference(file), portrait()) <= SAVED[suffix][1]


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPG", "txt", "psd"])
def test_the_content_decides_and_not_the_name(tmp_path: Path, suffix: str) -> None:
    portrait().save(tmp_path / f"a.{suffix}", format="JPEG", quality=100, subsampling=0)
    assert distance(load_reference(tmp_path / f"a.{suffix}"), portrait()) <= 1.5

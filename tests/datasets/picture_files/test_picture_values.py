"""Ranges of values: seen as people see them, or refused by name, and never blamed on the face reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import distance, png, portrait, tiff, write
from PIL import Image

from tpige_kedro.datasets.pictures import PictureError, load_reference

GREY = np.asarray(portrait("L"))
SEEN = Image.fromarray(GREY).convert("RGB")
UNIT = GREY / 255.0
BOTH = ["<", ">"]


def seen(folder: Path, data: bytes, suffix: str = "tif") -> Image.Image:
    return load_reference(write(folder, f"a.{suffix}", data))


FLOATS = {
    "0 to 1": UNIT,
    "0 to 1, overshooting by resampling": UNIT * 1.13 - 0.06 * (UNIT < 0.1),
    "0 to 255": UNIT * 255,
    "0 to 255, dark": UNIT * 120,
    "0 to 65535": UNIT * 65535,
}
WHITES = {"0 to 255": 255, "0 to 255, dark": 255, "0 to 65535": 65535}


@pytest.mark.parametrize("order", BOTH)
@pytest.mark.parametrize("name", FLOATS)
def test_floats_are_seen(tmp_path: Path, name: str, order: str) -> None:
    values = FLOATS[name].astype(np.float32)
    expected = (values / WHITES.get(name, 1)).clip(0, 1) * 255
    assert (
        distance(
            seen(tmp_path, tiff(values, 3, order)),
            Image.fromarray(expected.astype(np.uint8)).convert("RGB"),
        )
        <= 1
    )


ODD_FLOATS = {
    "negative": UNIT * 900 - 3,
    "below zero": UNIT * 2 - 1,
    "HDR": UNIT**4 * 6,
    "HDR with a bright sun": np.where(np.arange(48) == 3, 200.0, UNIT),
    "far beyond": UNIT * 1e6,
    "not a number": np.where(np.arange(48) == 3, np.nan, UNIT),
    "infinite": np.where(np.arange(48) == 3, np.inf, UNIT),
}


@pytest.mark.parametrize("name", ODD_FLOATS)
def test_floats_whose_white_is_unknown_are_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        PictureError, match=r"a\.tif: float values .*(from -?[\d.e+]+ to|NaN).*8-bit PNG"
    ):
        seen(tmp_path, tiff(ODD_FLOATS[name].astype(np.float32), 3))


@pytest.mark.parametrize("dtype", ["i2", "u4", "i4", "f2", "f4", "f8"])
def test_colours_of_odd_types_are_refused_by_what_they_are(tmp_path: Path, dtype: str) -> None:
    kind, name = {"u": (1, "unsigned"), "i": (2, "signed"), "f": (3, "float")}[dtype[0]]
    values = np.asarray(portrait()).astype(dtype)
    with pytest.raises(PictureError, match=rf"3 channels of {8 * int(dtype[1])}-bit {name}"):
        seen(tmp_path, tiff(values, kind))


@pytest.mark.parametrize("order", BOTH)
@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_sixteen_bits_fill_the_range(tmp_path: Path, suffix: str, order: str) -> None:
    values = (GREY.astype(int) * 257).astype(np.uint16)
    data = tiff(values, 1, order) if suffix == "tif" else png(values, 16, 0)
    assert distance(seen(tmp_path, data, suffix), SEEN) <= 1


@pytest.mark.parametrize("suffix", ["tif", "png"])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_in_sixteen_are_seen_if_the_file_says_so(
    tmp_path: Path, bits: int, suffix: str
) -> None:
    values = (UNIT * (2**bits - 1)).round().astype(np.uint16)
    said = png(values, 16, 0, (b"sBIT", bytes([bits])))
    if suffix == "tif":
        said = tiff(values, t281=2**bits - 1)
    assert distance(seen(tmp_path, said, suffix), SEEN) <= 1
    silent = tiff(values) if suffix == "tif" else png(values, 16, 0)
    with pytest.raises(
        PictureError, match=r"values up to \d+ of 65535, .*bits in 16; save it as 8-bit PNG"
    ):
        seen(tmp_path, silent, suffix)


def test_twelve_bits_packed(tmp_path: Path) -> None:
    values = (UNIT * 4095).round().astype(int)
    first, second = values[:, 0::2], values[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1).reshape(
        32, -1
    )
    data = tiff(packed.astype(np.uint8), t256=48, t258=12)
    assert distance(seen(tmp_path, data), SEEN) <= 1


def test_significant_bits_of_a_full_range_change_nothing(tmp_path: Path) -> None:
    values = GREY.astype(int) * 257
    assert distance(seen(tmp_path, png(values, 16, 0, (b"sBIT", b"\x0c")), "png"), SEEN) <= 1


@pytest.mark.parametrize("suffix", ["tif", "png"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_colours_of_fewer_bits_in_sixteen_are_refused(
    tmp_path: Path, bits: int, channels: int, suffix: str
) -> None:
    values = (
        np.asarray(portrait("RGBA" if channels == 4 else "RGB")).astype(int) * (2**bits - 1) // 255
    )
    values = values.astype(np.uint16)
    if channels == 4:
        values[..., 3] = 65535
    data = tiff(values, t338=2) if suffix == "tif" and channels == 4 else tiff(values)
    if suffix == "png":
        data = png(values, 16, 6 if channels == 4 else 2)
    if bits == 16:
        assert distance(seen(tmp_path, data, suffix), portrait()) <= 1
    else:
        with pytest.raises(PictureError, match=r"16-bit values up to about \d+ of 65535"):
            seen(tmp_path, data, suffix)


@pytest.mark.parametrize("order", BOTH)
def test_signed_sixteen_bits(tmp_path: Path, order: str) -> None:
    values = (UNIT * 32767).round().astype(np.int16)
    assert distance(seen(tmp_path, tiff(values, 2, order)), SEEN) <= 1
    with pytest.raises(PictureError, match=r"whole values from -\d+ to"):
        seen(tmp_path, tiff(values - 9000, 2, order))
    with pytest.raises(PictureError, match=r"values up to \d+ of 32767"):
        seen(tmp_path, tiff(values // 8, 2, order))


@pytest.mark.parametrize("dtype", ["u4", "i4"])
def test_thirty_two_bits(tmp_path: Path, dtype: str) -> None:
    kind = 1 if dtype == "u4" else 2
    assert distance(seen(tmp_path, tiff(GREY.astype(dtype), kind)), SEEN) == 0, "8 bits in 32"
    assert distance(seen(tmp_path, tiff((GREY.astype(dtype) * 257), kind)), SEEN) <= 1, (
        "16 bits in 32"
    )
    with pytest.raises(PictureError, match=r"whole values from .* to"):
        seen(tmp_path, tiff((UNIT * (2**31 - 1)).astype(dtype), kind))


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_white_is_zero(tmp_path: Path, dtype: str) -> None:
    scale = {"u1": 255, "u2": 65535, "f4": 1}[dtype]
    values = ((1 - UNIT) * scale).round(4 if dtype == "f4" else 0).astype(dtype)
    assert distance(seen(tmp_path, tiff(values, 3 if dtype == "f4" else 1, t262=0)), SEEN) <= 1


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits(tmp_path: Path, bits: int) -> None:
    values = GREY.astype(int) >> (8 - bits)
    expected = Image.fromarray((values * 255 // (2**bits - 1)).astype(np.uint8)).convert("RGB")
    assert distance(seen(tmp_path, png(values, bits, 0), "png"), expected) == 0


def test_what_was_seen_before_is_the_same_to_the_digit(tmp_path: Path) -> None:
    """The rule of the first versions, for whole values: cut down, not rounded."""
    values = np.linspace(0, 65535, 40 * 32).reshape(32, 40).astype(np.uint16)
    known = (values / 65535.0 * 255).astype(np.uint8)
    for data, suffix in ((tiff(values), "tif"), (png(values, 16, 0), "png")):
        assert np.array_equal(np.asarray(seen(tmp_path, data, suffix))[..., 0], known)
    low = GREY.astype(np.uint16)
    assert np.array_equal(
        np.asarray(seen(tmp_path, tiff(low)))[..., 0], (low / 255.0 * 255).astype(np.uint8)
    )


def test_a_large_picture_is_worked_on_in_bands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tpige_kedro.datasets.picture_files import colour, values

    grey = tiff((GREY.astype(int) * 257).astype(np.uint16))
    whole = seen(tmp_path, grey)
    clear = portrait("RGBA")
    clear.putalpha(portrait("L"))
    clear.save(tmp_path / "clear.png")
    composite = load_reference(tmp_path / "clear.png")
    monkeypatch.setattr(colour, "BAND", 200)
    monkeypatch.setattr(values, "BAND", 200)
    assert distance(seen(tmp_path, grey), whole) == 0
    assert distance(load_reference(tmp_path / "clear.png"), composite) == 0

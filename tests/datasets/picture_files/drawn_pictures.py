"""Pictures for tests, and colour profiles made from their definition: no profile file is needed, and none is trusted."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
TURNED = {  # how a picture that must be turned by this EXIF orientation is stored
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def portrait(mode: str = "RGB") -> Image.Image:
    """A picture of 48 x 32 pixels without any symmetry, with soft colours of every brightness that no printer lacks."""
    y, x = np.mgrid[0:32, 0:48] / (31.0, 47.0)[0]
    x = x * 31 / 47
    red = 60 + 170 * x
    green = 50 + 90 * y + 60 * x
    blue = 70 + 110 * (1 - x) * y
    return Image.fromarray(np.stack([red, green, blue], -1).round().astype(np.uint8)).convert(mode)


def stored(picture: Image.Image, orientation: int) -> Image.Image:
    turn = TURNED.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    return made


def distance(a: Image.Image, b: Image.Image) -> float:
    """The largest mean difference of a channel, in levels."""
    assert a.size == b.size and a.mode == b.mode == "RGB"
    return float(np.abs(np.subtract(a, b, dtype=float)).mean((0, 1)).max())


# --- colours -------------------------------------------------------------------------------------------------------------------


def linear(levels: np.ndarray) -> np.ndarray:
    v = levels / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray, gamma: float | None = None) -> np.ndarray:
    light = light.clip(0, 1)
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return 255 * (curve if gamma is None else light ** (1 / gamma))


def to_xyz(primaries: tuple[tuple[float, float], ...], white: tuple[float, float]) -> np.ndarray:
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    light = np.array([white[0] / white[1], 1, (1 - sum(white)) / white[1]])
    return columns * np.linalg.solve(columns, light)


def stored_in(picture: Image.Image, primaries=SRGB, gamma: float | None = None) -> Image.Image:
    """The values that show ``picture`` on a screen of these ``primaries`` (white D65) and this ``gamma``."""
    between = np.linalg.inv(to_xyz(primaries, D65)) @ to_xyz(SRGB, D65)
    light = linear(np.asarray(picture.convert("RGB"), float)) @ between.T
    return Image.fromarray(encoded(light, gamma).round().astype(np.uint8))


def matrix_profile(primaries=SRGB, gamma: float | None = None) -> bytes:
    """An ICC profile for RGB of these primaries (white D65, adapted to D50); without ``gamma`` the curve is that of sRGB."""
    cones = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    d65, d50 = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in (D65, D50))
    adapt = np.linalg.inv(cones) @ np.diag((cones @ d50) / (cones @ d65)) @ cones
    columns = (adapt @ to_xyz(primaries, D65)).T
    tags = {f"{c}XYZ".encode(): xyz(column) for c, column in zip("rgb", columns, strict=True)}
    return profile(b"RGB ", tags | {f"{c}TRC".encode(): curve(gamma) for c in "rgb"})


def grey_profile(gamma: float) -> bytes:
    return profile(b"GRAY", {b"kTRC": curve(gamma)})


def ink_profile() -> bytes:
    """An ICC profile for CMYK whose inks are pure: what is left of white light is seen."""
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), -1).reshape(-1, 4)
    rgb = 255 * (1 - corners[:, :3]) * (1 - corners[:, 3:])
    table = np.asarray(to_lab(rgb)).astype(np.uint8).tobytes()
    ramp = bytes(range(256))
    head = struct.pack(
        ">4sIBBBB9i", b"mft1", 0, 4, 3, 2, 0, *(65536 * v for v in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    )
    return profile(b"CMYK", {b"A2B0": head + ramp * 4 + table + ramp * 3}, b"prtr", b"Lab ")


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB as CIE L*a*b* in bytes as TIFF and ICC store them (D50): L of 255, a and b from 128."""
    cones = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    d65, d50 = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in (D65, D50))
    adapt = np.linalg.inv(cones) @ np.diag((cones @ d50) / (cones @ d65)) @ cones
    light = linear(rgb) @ (adapt @ to_xyz(SRGB, D65)).T / d50
    f = np.where(light > 216 / 24389, np.cbrt(light), (24389 / 27 * light + 16) / 116)
    lab = [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])]
    return np.stack([lab[0] * 2.55, lab[1] + 128, lab[2] + 128], -1).round().clip(0, 255)


def xyz(values) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * v) for v in values))


def curve(gamma: float | None) -> bytes:
    if gamma is not None:
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma))
    points = (65535 * linear(np.linspace(0, 255, 1024))).round().astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", 1024) + points.tobytes()


def profile(
    space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", pcs: bytes = b"XYZ "
) -> bytes:
    text = b"a profile for tests"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 80,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": xyz((0.9642, 1, 0.8249)),
        **tags,
    }
    body, table, start = b"", struct.pack(">I", len(tags)), 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"\0" * 4, 0x02400000, kind, space, pcs)
    head = head.ljust(36, b"\0") + b"acsp"
    return (
        (head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\0")
        + table
        + body
    )


# --- files ---------------------------------------------------------------------------------------------------------------------


def png(values: np.ndarray, bits: int, kind: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of ``bits`` a channel and colour type ``kind``, written by hand; ``chunks`` stand before the pixels."""
    height, width = values.shape[:2]
    wide = values.astype(">u2" if bits == 16 else np.uint8).reshape(height, -1)
    if bits < 8:
        flat = np.unpackbits(wide[..., None], axis=-1)[..., 8 - bits :].reshape(height, -1)
        wide = np.packbits(flat, axis=-1)
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in parts)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiff(
    values: np.ndarray, kind: int = 1, order: str = "<", **tags: int | tuple[int, ...]
) -> bytes:
    """An uncompressed TIFF of ``values`` (height, width[, channels]) with the sample format ``kind``, written by hand."""
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    channels = values.shape[2] if values.ndim == 3 else 1
    bits = values.dtype.itemsize * 8
    numbers = {
        256: values.shape[1], 257: values.shape[0], 258: (bits,) * channels, 259: 1,
        262: 2 if channels >= 3 else 1, 273: 8, 277: channels, 278: values.shape[0], 279: len(data), 339: (kind,) * channels,
    } | {int(name[1:]): value for name, value in tags.items()}  # fmt: skip
    body, entries = data + b"\0" * (len(data) % 2), b""
    for tag, value in sorted(numbers.items()):
        several = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f"{order}{len(several)}I", *several)
        where = packed if len(several) == 1 else struct.pack(f"{order}I", 8 + len(body))
        body += b"" if len(several) == 1 else packed
        entries += struct.pack(f"{order}HHI", tag, 4, len(several)) + where
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    return head + body + struct.pack(f"{order}H", len(numbers)) + entries + b"\0" * 4


def write(folder: Path, name: str, data: bytes) -> Path:
    file = folder / name
    file.write_bytes(data)
    return file

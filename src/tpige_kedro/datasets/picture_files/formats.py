"""Which picture formats are opened, known by the first bytes of a file and never by its name.

Pillow has forty plugins, some of which start other programs (EPS: Ghostscript) or never end. Only the formats listed here reach it.
"""

from __future__ import annotations

SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff"}
    | {".avif", ".gif", ".heic", ".heif", ".hif"}
)  # names that are taken for pictures; what a file holds decides whether it is read
ACCEPTED = "PNG, JPEG, WebP, BMP, TIFF, AVIF and GIF"
RESAVE = "save it again as 8-bit PNG or JPEG"
HEIC_REMEDY = 'export as JPEG or pip install "tpige_kedro[heic]"'

Format = str  # a name that Pillow knows: PNG, JPEG, WEBP, BMP, TIFF, AVIF, GIF, HEIF

HEAD = 256  # bytes that tell a format
OPENED: dict[bytes, Format] = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
}
BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # bytes, all that exist
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
REFUSED: dict[bytes, str] = {
    b"%!PS": "PostScript (EPS)",
    b"\xc5\xd0\xd3\xc6": "PostScript (EPS)",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop (PSD)",
    b"8BPB": "Photoshop (PSB)",
    b"gimp xcf": "GIMP (XCF)",
    b"<svg": "SVG",
    b"<?xml": "XML or SVG",
    b"<!doctype": "HTML (a web page)",
    b"<html": "HTML (a web page)",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\x01\0": "ICO",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"qoif": "QOI",
    b"DDS ": "DDS",
    b"\0\x05\x16\x07": "AppleDouble (left by macOS beside the real one)",
    b"\x1a\x45\xdf\xa3": "Matroska or WebM (a video)",
    b"PK\x03\x04": "ZIP",
    b"version https://git-lfs": "Git LFS pointer (run git lfs pull)",
    b"FUJIFILMCCD-RAW": "camera raw",
    b"IIRO": "camera raw",
    b"IIRS": "camera raw",
    b"IIU\0": "camera raw",
}


class PictureProblem(ValueError):
    """What is wrong with a picture and what to do about it; whoever knows the file adds its name."""


def format_of(head: bytes) -> Format:
    """The format of a file that begins with ``head``.

    >>> format_of(b"GIF89a"), format_of(b"\\0\\0\\0\\x1cftypavif")
    ('GIF', 'AVIF')

    Raises:
        PictureProblem: empty, a format that is not opened (which is named), or none that is known.
    """
    if not head:
        raise PictureProblem("an empty file (0 bytes); copy the picture there again")
    for start, name in OPENED.items():
        if head.startswith(start):
            if head[8:10] == b"CR" and name == "TIFF":
                raise _not_read("camera raw")
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":
        return _format_of_brands(head)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, name in REFUSED.items():
        if head.startswith(start) or text.startswith(start.lower()):
            raise _not_read(name)
    raise PictureProblem(f"damaged or not a picture (its first bytes are unknown); {RESAVE}")


def _format_of_brands(head: bytes) -> Format:
    """AVIF and HEIC share their container with videos; its brands tell which one it is."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[i : i + 4] for i in (8, *range(16, end - 3, 4))}
    if brands & AVIF_BRANDS:
        return "AVIF"
    if brands & HEIC_BRANDS or head[8:12] in {b"mif1", b"msf1"}:
        return "HEIF"
    raise _not_read("camera raw" if head[8:12] == b"crx " else "video (MP4 or MOV)")


def _not_read(name: str) -> PictureProblem:
    return PictureProblem(
        f"its content is {name}, which is not read; only {ACCEPTED} are: {RESAVE}"
    )

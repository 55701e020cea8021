"""Text of files: UTF-8, or what a byte order mark says; anything else is reported, never guessed."""

from __future__ import annotations

import codecs

from tpige_kedro.characters import shown
from tpige_kedro.files.errors import DatasetError

MARKS = {  # byte order marks; those of UTF-32 first, which begin like those of UTF-16
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
OTHER_FILES = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook, or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF",
}


class NotText(DatasetError):
    """Bytes that are no text in a known encoding: what was seen, and where."""


def decoded(data: bytes) -> str:
    """The text of a file. Raises :class:`NotText` for what is neither marked nor UTF-8."""
    kind = next((name for start, name in OTHER_FILES.items() if data.startswith(start)), "")
    if kind:
        raise NotText(f"it is {kind}; save it as text, in UTF-8")
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data[:1000].split(b"\n", 1)[0]:
        raise NotText(
            "its first line holds NUL bytes, like UTF-16 without a mark; save it as UTF-8"
        )
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotText(_not_decodable(data, encoding, error)) from error


def _not_decodable(data: bytes, encoding: str, error: UnicodeDecodeError) -> str:
    name = encoding.removesuffix("-sig").upper()
    if name != "UTF-8":
        return f"it is marked as {name}, but is not ({error.reason} at byte {error.start}); save it as UTF-8"
    line = data[: error.start].count(b"\n") + 1
    begin = max(error.start - 10, data.rfind(b"\n", 0, error.start) + 1)
    near = data[begin : error.start + 10].splitlines()[0].decode("cp1252", "replace")
    return (
        f"it is not UTF-8 (byte 0x{data[error.start]:02x} in line {line}); as Latin-1 or Windows-1252 it reads "
        f"'{shown(near)}' there; save it as UTF-8"
    )

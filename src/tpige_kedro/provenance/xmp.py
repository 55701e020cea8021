"""Says inside a file that its content is AI-made: XMP with IPTC's Digital Source Type, and the same words for records.

A clip's packet also holds its recipe (:mod:`.recipe`), in a namespace of ours.

Sources: IPTC NewsCodes "Digital Source Type", XMP specification part 3 (embedding in PNG and MPEG-4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from tpige_kedro.errors import ClipError

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMMENT = f"AI-generated ({SOURCE_TYPE})"
PNG_KEYWORD = "XML:com.adobe.xmp"
MP4_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
RECIPE_SPACE = "urn:tpige_kedro:recipe#"
LARGEST_PACKET = 1 << 20  # bytes of XMP that are read
MOST_BOXES = 100_000  # outermost boxes that are looked at

XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'xmp:CreatorTool="tpige_kedro" Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


def record_entry() -> dict[str, Any]:
    """What the record of an AI-made file says."""
    return {"ai_generated": True, "digital_source_type": SOURCE_TYPE}


def xmp_box(recipe: str = "") -> bytes:
    """The packet as a ``uuid`` box. At the end of an MP4 it changes no offset in the file, and players skip it.

    ``recipe`` is ASCII text; where there is none, nothing is said of it.
    """
    packet = XMP
    if recipe:
        said = (
            f" xmlns:tpige={quoteattr(RECIPE_SPACE)} tpige:recipe={quoteattr(recipe)}/></rdf:RDF>"
        )
        packet = XMP.replace("/></rdf:RDF>", said)
    content = packet.encode()
    return struct.pack(">I4s", 8 + 16 + len(content), b"uuid") + MP4_UUID + content


def recipe_in(file: Path) -> str:
    """The text of the recipe in an MP4; empty if it has none.

    Raises:
        ClipError: it is no MP4, or it is cut off.
    """
    try:
        with file.open("rb") as opened:
            return next(filter(None, map(_recipe_of, xmp_packets(opened))), "")
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise ClipError(f"cannot be read: {cause}", "name a clip that this project made") from error


def xmp_packets(file: BinaryIO) -> Iterator[bytes]:
    """The XMP packets among the outermost boxes of an MP4 (ISO 14496-12). Raises :class:`ClipError` if it is none, or cut off."""
    size, at = file.seek(0, 2), 0
    for _ in range(MOST_BOXES):
        if at >= size:
            return
        file.seek(at)
        head = file.read(32)
        if not at and head[4:8] != b"ftyp":
            raise ClipError("is not an MP4 file", "name a clip that this project made")
        length, start = int.from_bytes(head[:4]), 8
        if length == 1:
            length, start = int.from_bytes(head[8:16]), 16
        length = size - at if length == 0 else length  # 0: up to the end of the file
        if len(head) < 8 or length < start or at + length > size:
            raise ClipError("is cut off or damaged", "copy it again from where it was made")
        if (
            head[4:8] == b"uuid"
            and head[start : start + 16] == MP4_UUID
            and length <= LARGEST_PACKET
        ):
            file.seek(at + start + 16)
            yield file.read(length - start - 16)
        at += length


def _recipe_of(packet: bytes) -> str:
    """The recipe in an XMP packet. One that declares entities, which XMP never does, is not parsed."""
    if b"<!" in packet:
        return ""
    try:
        tree = ElementTree.fromstring(
            packet.decode()
        )  # as text: no encoding of its own can hide a declaration
    except (ElementTree.ParseError, ValueError):
        return ""
    name = f"{{{RECIPE_SPACE}}}recipe"
    return next((text for element in tree.iter() if (text := element.get(name))), "")

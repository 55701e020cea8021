"""Says inside a file that its content is AI-made: XMP with IPTC's Digital Source Type, and the same words for records.

Sources: IPTC NewsCodes "Digital Source Type", XMP specification part 3 (embedding in PNG and MPEG-4).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMMENT = f"AI-generated ({SOURCE_TYPE})"
PNG_KEYWORD = "XML:com.adobe.xmp"
MP4_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")

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


def append_xmp(file: Path) -> None:
    """Add the packet to an MP4 as a ``uuid`` box behind everything else: no offset in the file changes, players skip it."""
    packet = XMP.encode()
    with file.open("ab") as handle:
        handle.write(struct.pack(">I4s", 8 + 16 + len(packet), b"uuid") + MP4_UUID + packet)

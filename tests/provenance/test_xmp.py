"""The recipe in the XMP of an MP4: read as it was written, and not where somebody else's XML plays tricks."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tpige_kedro.provenance.xmp import MP4_UUID, RECIPE_SPACE, recipe_in, xmp_box

FTYP = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)
PLAIN = f'<x xmlns:t="{RECIPE_SPACE}" t:recipe="made"/>'


def mp4(folder: Path, *boxes: bytes) -> Path:
    file = folder / "clip.mp4"
    file.write_bytes(FTYP + b"".join(boxes))
    return file


def packet(text: str, encoding: str = "utf-8") -> bytes:
    content = text.encode(encoding)
    return struct.pack(">I4s", 24 + len(content), b"uuid") + MP4_UUID + content


@pytest.mark.parametrize("recipe", ['{"recipe":1}', "a < b & \"c\" 'd'", ""])
def test_a_recipe_comes_out_as_it_went_in(recipe: str, tmp_path: Path) -> None:
    assert recipe_in(mp4(tmp_path, xmp_box(), xmp_box(recipe))) == recipe


@pytest.mark.parametrize(
    "text",
    [
        f'<!DOCTYPE x [<!ENTITY e "made">]>{PLAIN.replace("made", "&e;")}',
        f"<!DOCTYPE x>{PLAIN}",
        f"<!-- a remark, which ours never has -->{PLAIN}",
        PLAIN.removesuffix("/>"),
        PLAIN.replace(RECIPE_SPACE, "urn:another"),
    ],
)
def test_a_packet_that_is_not_ours_holds_none(text: str, tmp_path: Path) -> None:
    assert recipe_in(mp4(tmp_path, packet(PLAIN))) == "made"
    assert recipe_in(mp4(tmp_path, packet(text))) == ""


def test_no_encoding_hides_a_declaration(tmp_path: Path) -> None:
    hidden = f'<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x>{PLAIN}'
    assert recipe_in(mp4(tmp_path, packet(hidden, "utf-16"))) == ""

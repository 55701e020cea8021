"""The recipe inside a clip: what comes out is what went in, and nothing that a stranger puts there is believed."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from datasets.mp4_boxes import boxes
from provenance.recipes import CONTENT, clip_with, recipe
from tpige_kedro.datasets import Mp4Dataset
from tpige_kedro.errors import ClipError
from tpige_kedro.provenance.recipe import MOST_BYTES, parse_recipe, read_recipe
from tpige_kedro.provenance.xmp import MP4_UUID, XMP, xmp_box

MODEL = CONTENT["model"]


def edited(**changes: Any) -> str:
    return json.dumps({**CONTENT, **changes})


def uuid_box(packet: bytes) -> bytes:
    return struct.pack(">I4s", 24 + len(packet), b"uuid") + MP4_UUID + packet


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    made = recipe()
    file = clip_with(made.text(), tmp_path / "a.mp4")
    assert read_recipe(file) == made
    assert made.prompt == CONTENT["prompt"] and made.guidance and made.guidance.skip_layers == (2,)
    assert [kind for kind, _ in boxes(file)] == ["ftyp", "moov", "free", "mdat", "uuid"]
    plain = clip_with("", tmp_path / "b.mp4")
    assert file.stat().st_size - plain.stat().st_size < 2 * len(made.text())
    frames = [Mp4Dataset(filepath=str(clip)).load().frames for clip in (file, plain)]
    np.testing.assert_array_equal(*frames)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "\x00\x01\ud800",
        "]]>--><!DOCTYPE x>",
        "\n\t\r  ",
        "'\"&amp;<>",
        "漢字" * 2000,
        "\ufffe\uffff",
    ],
    ids=["empty", "control", "markup", "white", "quotes", "long", "noncharacters"],
)
def test_any_prompt_survives(tmp_path: Path, prompt: str) -> None:
    made = recipe().model_copy(update={"prompt": prompt})
    text = made.text()
    assert text.isascii()
    from tpige_kedro.provenance.xmp import recipe_in

    assert recipe_in(clip_with(text, tmp_path / "a.mp4")) == text
    if prompt.isprintable():
        assert parse_recipe(text).prompt == prompt


def test_it_is_bounded() -> None:
    large = recipe().model_copy(update={"prompt": "x" * MOST_BYTES})
    with pytest.raises(ValueError, match="at most"):
        large.text()


def test_a_clip_without_one_is_as_before(tmp_path: Path) -> None:
    file = clip_with("", tmp_path / "a.mp4")
    assert file.read_bytes().endswith(XMP.encode())
    with pytest.raises(ClipError, match=r"carries no recipe.*kedro run"):
        read_recipe(file)


def test_converting_a_clip_loses_it_and_that_is_said(tmp_path: Path) -> None:
    """As ``ffmpeg -c copy`` does: the libraries are the same."""
    file, copied = clip_with(recipe().text(), tmp_path / "a.mp4"), tmp_path / "b.mp4"
    with av.open(str(file)) as source, av.open(str(copied), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        target.metadata.update(source.metadata)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    with pytest.raises(ClipError, match="converted by a program that drops them"):
        read_recipe(copied)


def test_every_cut_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    whole = clip_with(recipe().text(), tmp_path / "a.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    for length in [*range(40), *range(40, len(whole), 97), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ClipError) as error:
            read_recipe(cut)
        assert "\n" not in str(error.value) and ";" in str(error.value), length


def test_every_flipped_byte_of_the_packet_is_an_error_or_changes_the_recipe(tmp_path: Path) -> None:
    made = recipe()
    whole = clip_with(made.text(), tmp_path / "a.mp4").read_bytes()
    file = tmp_path / "flipped.mp4"
    start = whole.index(MP4_UUID) - 8
    for place in range(start, len(whole), 31):
        content = bytearray(whole)
        content[place] ^= 0x55
        file.write_bytes(content)
        try:
            found = read_recipe(file)
        except ClipError as error:
            assert "\n" not in str(error)
        else:
            assert found != made or place < start + 600, "a mark of another kind was hit"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"RIFF\0\0\0\0AVI " + bytes(40),
        bytes(64),
        b"<!DOCTYPE html>",
    ],
    ids=["empty", "png", "avi", "zeros", "html"],
)
def test_foreign_files(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(content)
    with pytest.raises(ClipError, match=r"not an MP4|no recipe|cut off"):
        read_recipe(file)


@pytest.mark.parametrize(
    "packet",
    [
        XMP.replace("<x:x", "<!DOCTYPE l [<!ENTITY a 'b'>]><x:x").encode(),
        XMP.replace("/></rdf:RDF>", ' xmlns:t="urn:other#" t:recipe="{}"/></rdf:RDF>').encode(),
        XMP.encode("utf-16"),
        b"\xff" * 50,
        b"",
    ],
    ids=["entities", "other namespace", "utf-16", "bytes", "nothing"],
)
def test_packets_that_are_none_of_ours(tmp_path: Path, packet: bytes) -> None:
    file = clip_with("", tmp_path / "a.mp4")
    file.write_bytes(file.read_bytes() + uuid_box(packet))
    with pytest.raises(ClipError, match="no recipe"):
        read_recipe(file)


def test_it_is_found_behind_other_boxes(tmp_path: Path) -> None:
    file = clip_with("", tmp_path / "a.mp4")
    large = struct.pack(">I4sQ", 1, b"free", 16 + 9) + bytes(9)  # a size of 64 bits
    last = bytearray(xmp_box(recipe().text()))
    last[:4] = bytes(4)  # up to the end of the file
    file.write_bytes(file.read_bytes() + large + uuid_box(b"<a/>") + bytes(last))
    assert read_recipe(file) == recipe()


WRONG = {
    "unknown key": ({"path": "/etc/passwd"}, "path"),
    "unknown key of the model": ({"model": {**MODEL, "module": "os"}}, "model.module"),
    "number as text": ({"seed": "7"}, "seed"),
    "negative seed": ({"seed": -1}, "seed"),
    "fraction": ({"frames": 5.5}, "frames"),
    "text for a list": ({"references": "a.png"}, "references"),
    "no reference": ({"references": []}, "references"),
    "file for a hash": ({"references": [{"source": "original", "hash": "../a.png"}]}, "hash"),
    "other source": ({"references": [{"source": "url", "hash": "ef" * 16}]}, "source"),
    "path of a sample": ({"sample_id": "../../s1"}, "sample_id"),
    "path of weights": ({"model": {**MODEL, "source": "/models/vace"}}, "never a path"),
    "path like a hub id": ({"model": {**MODEL, "source": "../vace"}}, "never a path"),
    "windows path": ({"model": {**MODEL, "source": "C:\\vace"}}, "never a path"),
    "address": ({"model": {**MODEL, "source": "https://a.b/c"}}, "never a path"),
    "unknown guidance": ({"guidance": {"weight": 1}}, "guidance.weight"),
    "version as text": ({"recipe": "1"}, "recipe"),
    "version 0": ({"recipe": 0}, "recipe"),
    "true": ({"recipe": True}, "recipe"),
    "huge threads": ({"environment": {**CONTENT["environment"], "threads": 10**9}}, "threads"),
    "long prompt": ({"prompt": "x" * 20_001}, "prompt"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "named"), WRONG.values(), ids=WRONG)
def test_what_was_edited_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ClipError) as error:
        parse_recipe(edited(**changes))
    said = str(error.value)
    assert "was edited" in said and named in said and "use the clip as it was made" in said
    assert "\n" not in said and len(said) < 300


@pytest.mark.parametrize("key", CONTENT)
def test_a_key_that_is_gone_is_named(key: str) -> None:
    without = {name: value for name, value in CONTENT.items() if name != key}
    with pytest.raises(ClipError, match=key):
        parse_recipe(json.dumps(without))


@pytest.mark.parametrize("version", [2, 99])
def test_a_newer_version_says_update(version: int) -> None:
    with pytest.raises(ClipError, match=rf"version {version}.*up to 1; install a newer"):
        parse_recipe(edited(recipe=version, something_new=1))


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", "7", '"text"', "[" * 60_000, '{"recipe": NaN}', "{" * 1000, "x" * (MOST_BYTES + 1)],
    ids=["open", "list", "null", "number", "text", "deep", "nan", "deeper", "long"],
)  # fmt: skip
def test_what_is_no_recipe_at_all(text: str) -> None:
    with pytest.raises(ClipError) as error:
        parse_recipe(text)
    assert re.search(r"edited|not JSON|not one of ours", str(error.value))
    assert len(str(error.value)) < 300

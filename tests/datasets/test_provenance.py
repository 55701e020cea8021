"""Every AI-made file says so, in the places where readers of XMP look, and nothing else about it changes."""

import xml.etree.ElementTree as ET
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from datasets.mp4_boxes import boxes
from tpige_kedro.datasets import Clip, DrawnPictureDataset, Mp4Dataset
from tpige_kedro.datasets.drawn import as_drawn
from tpige_kedro.provenance import SOURCE_TYPE
from tpige_kedro.schemas import Provenance

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
FRAMES = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3)).astype(np.uint8)


def source_type(packet: bytes) -> str | None:
    """What an XMP packet says, by its namespaces."""
    description = ET.fromstring(packet).find(".//{*}Description")
    assert description is not None
    return description.get(IPTC)


def save(file: Path, provenance: Provenance | None) -> Path:
    Mp4Dataset(filepath=str(file)).save(Clip(FRAMES, 8, "A man waves.", provenance))
    return file


def test_the_vocabulary_is_iptcs() -> None:
    assert SOURCE_TYPE == ("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia")


def test_an_ai_made_clip_says_so_as_xmp_and_as_a_comment(tmp_path: Path) -> None:
    file = save(tmp_path / "a.mp4", Provenance())
    found = boxes(file)
    assert [kind for kind, _ in found] == ["ftyp", "moov", "free", "mdat", "uuid"]
    mark, packet = found[-1][1][:16], found[-1][1][16:]
    assert mark.hex() == "be7acfcb97a942e89c71999491e3afac"
    assert source_type(packet) == SOURCE_TYPE
    with av.open(str(file)) as container:
        assert container.metadata["title"] == "A man waves."
        assert SOURCE_TYPE in container.metadata["comment"]


def test_the_mark_costs_little_and_changes_no_pixel(tmp_path: Path) -> None:
    marked, plain = save(tmp_path / "a.mp4", Provenance()), save(tmp_path / "b.mp4", None)
    assert 0 < marked.stat().st_size - plain.stat().st_size < 1000
    with_mark, without = (Mp4Dataset(filepath=str(f)).load() for f in (marked, plain))
    np.testing.assert_array_equal(with_mark.frames, without.frames)
    assert [k for k, _ in boxes(plain)] == ["ftyp", "moov", "free", "mdat"]
    assert b"trainedAlgorithmicMedia" not in plain.read_bytes()


def test_marked_files_are_equal_byte_for_byte(tmp_path: Path) -> None:
    first, second = (save(tmp_path / f"{i}.mp4", Provenance()).read_bytes() for i in range(2))
    assert first == second


def test_a_drawn_picture_says_so_and_a_kept_photo_does_not(tmp_path: Path) -> None:
    picture = Image.fromarray(FRAMES[0])
    files = []
    for name, content in (("drawn", as_drawn(picture)), ("kept", picture)):
        dataset = DrawnPictureDataset(filepath=str(tmp_path / f"{name}.png"))
        dataset.save(content)
        np.testing.assert_array_equal(np.asarray(dataset.load()), FRAMES[0])
        files.append(tmp_path / f"{name}.png")
    with Image.open(files[0]) as drawn, Image.open(files[1]) as kept:
        assert source_type(drawn.info["xmp"]) == SOURCE_TYPE
        assert "xmp" not in kept.info
    again = tmp_path / "again.png"
    DrawnPictureDataset(filepath=str(again)).save(
        DrawnPictureDataset(filepath=str(files[0])).load()
    )
    assert again.read_bytes() == files[0].read_bytes()


def test_the_mark_is_on_a_copy() -> None:
    picture = Image.fromarray(FRAMES[0])
    as_drawn(picture)
    assert picture.info == {}


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValueError, match="set both or neither"):
        Provenance(certificate="chain.pem")

"""Blinded files show what the clips show and tell nothing else."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drawn_study import DrawnStudy, tiny_clip
from PIL import Image

from tpige_kedro.datasets import Clip, Mp4Dataset
from tpige_kedro.study import blinding
from tpige_kedro.study.blinding import Shape, blinded, common_shape, look, same_size, stripped_jpeg
from tpige_kedro.study.damage import damaged


def boxes(content: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        yield kind.decode(), content[at + 8 : at + size]
        at += size


def played(content: bytes, folder: Path) -> Clip:
    file = folder / "clip.mp4"
    file.write_bytes(content)
    return Mp4Dataset(filepath=str(file)).load()


def test_a_clip_looks_as_before(tmp_path: Path) -> None:
    clip = tiny_clip("vace", "s1", frames=12)
    shown = played(blinded(clip, common_shape([look(clip)])), tmp_path)
    assert shown.frames.shape == clip.frames.shape and shown.fps == clip.fps and shown.title == ""
    off = np.abs(np.asarray(shown.frames, int) - clip.frames)
    assert off.mean() < 6  # what 4:2:0 does to noise


def test_clips_of_other_sizes_rates_and_lengths_become_alike(tmp_path: Path) -> None:
    small = Clip(np.full((8, 16, 32, 3), 200, np.uint8), fps=8)  # 1 s
    slow = np.zeros((4, 32, 48, 3), np.uint8)
    slow[:] = np.array([0, 80, 160, 240], np.uint8)[:, None, None, None]
    large = Clip(slow, fps=2)  # 2 s
    shape = common_shape([look(small), look(large)])
    assert shape == Shape(48, 32, 8.0, 16)
    files = same_size({"a": blinded(small, shape), "b": blinded(large, shape)})
    one, two = (played(files[name], tmp_path) for name in "ab")
    assert one.frames.shape == two.frames.shape and one.fps == two.fps
    levels = np.asarray(two.frames)[:, 16, 24, 0].astype(int)
    assert np.abs(levels - np.repeat([0, 80, 160, 240], 4)).max() < 8  # its pace is kept
    assert np.asarray(one.frames)[15, 16, 24, 0] > 190  # the shorter one stands on its last frame
    assert np.asarray(one.frames)[0, 0, 24, 0] < 20 and np.asarray(one.frames)[0, 5, 24, 0] > 190
    assert len(files["a"]) == len(files["b"])


@pytest.mark.parametrize("rates", [(29.97, 30), (16, 25), (7, 11, 13), (12.5, 12.5), (120, 30)])
def test_a_rate_keeps_every_frame_of_all(rates: tuple[float, ...]) -> None:
    common = blinding.common_rate(rates)
    assert common >= max(rates)
    for rate in rates:
        shown = [int(round(place * rate / common, 6)) for place in range(round(common))]
        assert set(shown) == set(range(round(rate)))


def test_the_metadata_of_all_clips_of_a_sample_is_the_same(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=1, repeats=1, attention=1).draw()
    contents = [item.path.read_bytes() for item in study.material.load().clips.values()]
    assert len(contents) >= 9 and len({len(content) for content in contents}) == 1
    assert len(set(contents)) == len(contents)  # no two uses of a clip are one file
    skeletons = set()
    for content in contents:
        found = list(boxes(content))
        assert [kind for kind, _ in found] == ["ftyp", "moov", "free", "mdat", "uuid", "free"]
        skeletons.add((found[0][1], found[4][1]))
        moov = found[1][1]
        for words in (b"vace", b"phantom", b"walker", b"recipe"):
            assert words not in content
        assert b"tpige:recipe" not in content and moov.count(b"trak") == 1
        head = dict(boxes(moov))["mvhd"]
        assert head[4:12] == bytes(8)  # neither made nor changed at a time
    assert len(skeletons) == 1
    heads = {dict(boxes(dict(boxes(content))["moov"]))["mvhd"] for content in contents}
    assert len(heads) == 1


def test_the_damage_cannot_be_missed(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=1, variants=("vace", "phantom"), attention=1).draw()
    clips = study.material.load().clips
    for pair in study.pairs[study.pairs["kind"] == "attention"].itertuples():
        shown = {side: clips[getattr(pair, f"clip_{side}")] for side in "ab"}
        loaded = {side: np.asarray(played(item.path.read_bytes(), tmp_path).frames, int) for side, item in shown.items()}  # fmt: skip
        original = np.asarray(tiny_clip(pair.variant_a, pair.sample_id).frames, int)
        good = "ba"["ab".index(pair.damaged)]
        assert np.abs(loaded[pair.damaged] - original).mean() > 2 * np.abs(loaded[good] - original).mean()  # fmt: skip
        assert np.abs(np.diff(loaded[pair.damaged], axis=2)).mean() < np.abs(np.diff(original, axis=2)).mean()  # fmt: skip


@pytest.mark.parametrize("shape", [(32, 48), (30, 50), (480, 832), (2, 2), (10, 6)])
def test_frames_of_any_size_are_damaged(shape: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    found = damaged(frame)
    assert found.shape == frame.shape and found.dtype == np.uint8
    assert abs(found.mean() - frame.mean()) < 3


def test_a_reference_keeps_its_pixels_only() -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (20, 30, 3), np.uint8))
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "photo of walker00"
    picture.save(buffer, "JPEG", exif=exif, comment=b"walker00", icc_profile=b"walker00" * 20)
    opened = Image.open(io.BytesIO(buffer.getvalue()))
    found = stripped_jpeg(opened)
    assert b"walker" not in found and b"Exif" not in found and b"ICC" not in found
    again = Image.open(io.BytesIO(found))
    assert again.size == (30, 20) and set(again.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}  # fmt: skip


def test_a_clip_that_cannot_be_read_fails_its_sample_alone(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=2)
    items = study.clips.load()
    path = items["vace/walker00"].path
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    record = items["vace/walker00"]
    assert record.path.stat().st_size < len(good)
    study.draw()
    names = set(study.material.load().clips)
    whole = study.pairs[study.pairs["sample_id"] == "walker01"]
    assert names >= {*whole["clip_a"], *whole["clip_b"]}


def test_broken_material_is_made_again_as_it_was(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=1).draw()
    before = {
        name: content for name, (content, _) in study.files().items() if name.endswith(".mp4")
    }
    first = study.study_folder / next(iter(before))
    first.write_bytes(b"gone")
    study.draw()
    after = {name: content for name, (content, _) in study.files().items() if name.endswith(".mp4")}
    assert after == before

"""Which files are clips, whatever systems, browsers and other names lie beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tpige_kedro.datasets import SampleFolder
from tpige_kedro.datasets.clip_files.containers import SUFFIXES, clip_files, unread_files
from tpige_kedro.errors import SampleError
from tpige_kedro.video_generators.imported import Imported

LEFTOVERS = (
    "._s1.mp4", ".s1.mp4.swp", ".hidden.mp4", ".DS_Store", "Thumbs.db", "desktop.ini", "s1.mp4~", "~$s1.mp4",
)  # fmt: skip


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_any_container_in_any_case_is_the_clip(tmp_path: Path, suffix: str) -> None:
    for sample, name in (
        ("a", f"a{suffix}"),
        ("b", f"b{suffix.upper()}"),
        ("v1.2", f"v1.2{suffix}"),
    ):
        touch(tmp_path / "ours", name)
        assert Imported(str(tmp_path)).find("ours", sample).name == name


def test_leftovers_and_folders_are_no_clips(tmp_path: Path) -> None:
    touch(tmp_path, "s1.mp4", *LEFTOVERS, "notes.txt", "s1.json", "s1.png")
    touch(tmp_path / "__MACOSX", "._s1.mp4", "s1.mp4")
    (tmp_path / "s2.mp4").mkdir()
    assert clip_files(tmp_path) == {"s1": [tmp_path / "s1.mp4"]}
    assert unread_files(tmp_path) == ["s2.mp4 (a folder)"]
    assert clip_files(tmp_path / "nowhere") == {}


def test_two_files_for_one_clip_are_an_error_that_names_both(tmp_path: Path) -> None:
    touch(tmp_path / "ours", "s1.mp4", "s1.webm", "s2.MOV", "s2.mov")
    folder = Imported(str(tmp_path))
    with pytest.raises(
        SampleError, match=r"several files .*: s1\.mp4 and s1\.webm; remove all but"
    ):
        folder.find("ours", "s1")
    with pytest.raises(SampleError, match=r"s2\.MOV and s2\.mov"):
        folder.find("ours", "s2")
    named = Imported(str(tmp_path), pattern="{variant}/{sample_id}.mp4")
    assert named.find("ours", "s1").name == "s1.mp4", "the pattern says which"


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ("s1.mp4.part", "an unfinished download"),
        ("s1.webm.crdownload", "an unfinished download"),
        ("s1.webp", "animated WebP is not read"),
        ("s1.m3u8", "a playlist"),
        ("s1.zip", "unpack it"),
        ("S1.mp4", r"there is S1\.mp4"),
    ],
)
def test_what_could_be_meant_is_named_where_a_clip_is_missing(
    tmp_path: Path, there: str, told: str
) -> None:
    touch(tmp_path / "ours", there)
    with pytest.raises(SampleError, match=rf"no clip .*ours/s1\.mp4 \(there is .*{told}|{told}"):
        Imported(str(tmp_path)).find("ours", "s1")
    with pytest.raises(SampleError, match=r"no clip .*ours/s3\.mp4; put it there"):
        Imported(str(tmp_path)).find("ours", "s3")


def test_a_folder_with_the_name_of_a_clip_is_named(tmp_path: Path) -> None:
    (tmp_path / "ours" / "s1.mp4").mkdir(parents=True)
    with pytest.raises(SampleError, match=r"there is s1\.mp4 \(a folder\)"):
        Imported(str(tmp_path)).find("ours", "s1")
    with pytest.raises(SampleError, match="no clip"):
        Imported(str(tmp_path), pattern="{variant}/{sample_id}.mp4").find("ours", "s1")


def test_names_are_compared_as_they_are_seen(tmp_path: Path) -> None:
    touch(tmp_path / "ours", "Zoe\u0308.mp4")  # as macOS writes it
    assert Imported(str(tmp_path)).find("ours", "Zo\u00eb").is_file()


def test_the_authors_layout_knows_every_container_and_no_leftover(tmp_path: Path) -> None:
    touch(tmp_path / "prompts", "._a_1.txt", ".DS_Store")
    (tmp_path / "prompts" / "a_1.txt").write_text("A man waves.")
    touch(tmp_path / "ID_image", "a.png", "._a.png")
    touch(tmp_path / "videos", "a_1.webm", "._a_1.webm", "a_2.MOV", "Thumbs.db")
    touch(tmp_path, "a_3.mp4", "._a_3.mp4")
    table = SampleFolder(path=str(tmp_path)).load()
    assert table["sample_id"].tolist() == ["a_1", "a_2", "a_3"]
    assert table["problem"].ne("").tolist() == [False, True, True], "two have no prompt"

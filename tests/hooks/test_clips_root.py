"""``clips_root``: which folders become variants, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tpige_kedro.hooks.clips import clip_folders, with_clips
from tpige_kedro.hooks.errors import RunStopped


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")


def test_a_folder_of_any_container_is_a_variant(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, file in (("a", "s1.mp4"), ("b", "s1.webm"), ("c", "s1.MP4"), ("d", "s1.Mov")):
        touch(tmp_path / name, file)
    touch(tmp_path / "__MACOSX", "s1.mp4")
    touch(tmp_path / ".cache", "s1.mp4")
    touch(tmp_path / "references", "s1.png")
    raw = {"clips_root": str(tmp_path), "models": {}, "moe": {"experts": []}}
    made = with_clips(raw)
    assert list(made["variants"]) == ["a", "b", "c", "d"]
    assert made["models"]["imported"]["options"] == {"pattern": "{variant}/{sample_id}"}
    assert caplog.text == ""


def test_what_is_not_read_is_named_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path / "ours", "s1.mp4", "s2.webp", "s3.mp4.part", "notes.txt", "._s1.mp4")
    touch(tmp_path / "frames", "0001.png")
    touch(tmp_path / "theirs" / "seed0", "s1.mp4")
    touch(tmp_path, "all.zip", "Thumbs.db")
    assert [folder.name for folder in clip_folders(tmp_path)] == ["ours"]
    for told in (
        "all.zip (an archive: unpack it)",
        "ours/s2.webp (animated WebP is not read",
        "ours/s3.mp4.part (an unfinished download)",
        "frames/ (no video in it)",
        f"theirs/seed0/ (too deep: set clips_root to {tmp_path / 'theirs'})",
    ):
        assert told in caplog.text
    assert "._s1" not in caplog.text and "Thumbs" not in caplog.text


def test_folders_beside_flat_clips_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "s1.webm")
    touch(tmp_path / "theirs", "s1.mp4")
    assert clip_folders(tmp_path) == []
    assert "theirs/ (clips lie beside it" in caplog.text


def test_without_any_clip_the_run_stops_and_says_what_is_there(tmp_path: Path) -> None:
    touch(tmp_path / "ours", "s1.webp", "._s1.mp4")
    with pytest.raises(RunStopped, match=r"no clip in .*not read: ours/s1\.webp \(animated WebP"):
        clip_folders(tmp_path)

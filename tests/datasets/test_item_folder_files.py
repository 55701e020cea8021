"""The files of an item folder: where they may be, what is swept, what is no record, and what Kedro-Viz shows of them."""

from __future__ import annotations

import io
import os
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image
from work import Stage

from tpige_kedro.datasets import Clip, ItemFolder
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.files import atomic
from tpige_kedro.files.atomic import save_atomically
from tpige_kedro.files.seal import sealed


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "squares", {"a": 2, "b": 3})


# --- sweeping ------------------------------------------------------------------------------------------------------------------


def test_all_unfinished_files_go_in_folders_of_variants_too(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "squares", {"v/a": 2})
    stage.run()
    rests = [stage.folder / ".tmp-1-b.txt", stage.folder / "v" / ".tmp-2-a.json"]
    for rest in rests:
        rest.write_text("half")
    stage.run()
    assert not any(rest.exists() for rest in rests) and stage.made == []


def test_a_file_that_vanishes_while_the_folder_is_swept_is_no_error(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run()
    (stage.folder / ".tmp-1-b.txt").write_text("half")
    seen: list[str] = []

    def renamed_meanwhile(name: str) -> bool:
        if name.startswith(".tmp-"):
            seen.append(name)
            (stage.folder / name).rename(stage.folder / "b.txt")
            return True
        return False

    monkeypatch.setattr(atomic, "is_temporary", renamed_meanwhile)
    stage.run()
    assert seen == [".tmp-1-b.txt"]


def test_sweeping_beside_a_writer_raises_nothing(stage: Stage) -> None:
    """Another process renames its files while this one sweeps: 18 of 1,544 sweeps died of it once."""
    stage.run()
    stop = threading.Event()

    def write() -> None:
        for i in range(100_000):
            if stop.is_set():
                return
            with suppress(DatasetError):  # its unfinished file was swept: the lock prevents that
                save_atomically(stage.folder / f"x{i % 50}.txt", _write)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(150):
            assert list(stage.run().load()) == ["a", "b"]
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def _write(path: Path) -> None:
    path.write_text("x")


# --- keys and places -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/tmp/outside", ".."])
def test_a_key_cannot_leave_the_folder(tmp_path: Path, key: str) -> None:
    stage = Stage(tmp_path / "inside", {key: 1, "b": 2})
    with pytest.raises(DatasetError, match="outside"):
        stage.run()
    assert stage.made == []
    assert [f.name for f in tmp_path.rglob("*") if f.is_file()] == []


def test_a_file_in_the_place_of_the_folder_says_what_to_do(stage: Stage) -> None:
    stage.folder.write_text("not a folder")
    with pytest.raises(DatasetError, match=r"squares.*there is a file where a folder is needed"):
        stage.run()


def test_a_full_disk_ends_the_run_and_keeps_what_is_finished(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run(a=2)
    before = (stage.folder / "a.txt").read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DatasetError, match="the disk is full"):
            stage.run(a=5, b=3)
    assert (stage.folder / "a.txt").read_bytes() == before
    stage.run(a=2, b=3)
    assert stage.made == ["b"] and stage.outputs() == {"a": "4", "b": "9"}


# --- what is no record -----------------------------------------------------------------------------------------------------------

RECORD = {"key": "a", "fingerprint": fingerprint(value=2)}
NO_RECORDS = [
    b"", b"{", b"[]", b'"text"', b"{}", b'{"fingerprint": 3}', "\ufeff{}".encode(), b"\x00\xff",
    sealed({"fingerprint": "f"}), sealed({**RECORD, "key": "b"}),
    sealed({**RECORD, "output": {"sha256": "x"}}), sealed({**RECORD, "output": "a.txt"}),
    sealed({**RECORD, "output": {"sha256": "x", "mtime_ns": 0, "bytes": 1}}),
    sealed({**RECORD, "failure": {"message": "no more"}}),
]  # fmt: skip


@pytest.mark.parametrize("content", NO_RECORDS)
def test_a_record_that_proves_nothing_does_not_count(stage: Stage, content: bytes) -> None:
    stage.run()
    (stage.folder / "a.json").write_bytes(content)
    found = stage.dataset().load()
    assert list(found) == ["b"] and "squares/a." in found.failures["a"].message
    stage.run()
    assert stage.made == ["a"] and stage.outputs() == {"a": "4", "b": "9"}


def test_a_record_without_its_output_does_not_count(stage: Stage) -> None:
    stage.run()
    (stage.folder / "a.txt").unlink()
    assert list(stage.dataset().load()) == ["b"]


def test_an_output_without_its_record_does_not_count(stage: Stage) -> None:
    stage.run(a=2)
    (stage.folder / "b.txt").write_text("9")
    stage.run(a=2, b=3)
    assert stage.made == ["b"]


def test_an_absent_folder_means_that_nothing_is_finished(stage: Stage) -> None:
    dataset = stage.dataset()
    assert not dataset.exists() and dict(dataset.load()) == {} and list(dataset.leftovers()) == []
    assert not stage.folder.exists(), "reading makes nothing"


# --- previews --------------------------------------------------------------------------------------------------------------------


def filled(folder: ItemFolder, outputs: dict[str, Any]) -> ItemFolder:
    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        yield from ((job, Result(outputs[job.key])) for job in todo)

    folder.save(Work("outputs", [Job(key, key, key) for key in outputs], produce))
    return folder


def picture_of(preview: Any) -> Image.Image:
    return Image.open(io.BytesIO(b64decode(preview)))


def test_the_preview_of_clips_is_four_frames_of_the_first(tmp_path: Path) -> None:
    folder = ItemFolder(
        path=str(tmp_path), suffix=".mp4", dataset="tpige_kedro.datasets.Mp4Dataset"
    )
    assert folder.preview() is None
    frames = np.zeros((4, 32, 32, 3), np.uint8)
    frames[:, :, :] = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 250]], np.uint8)[
        :, None, None
    ]
    filled(folder, {"a": Clip(frames, 8), "b": Clip(frames * 0, 8)})
    strip = picture_of(folder.preview())
    assert strip.size == (4 * 128, 128)
    colours = np.asarray(strip)[64, 64::128].astype(int)
    assert (colours.argmax(axis=1)[:3] == [0, 1, 2]).all() and colours[3].min() > 200


def test_the_preview_of_pictures_is_the_first_four(tmp_path: Path) -> None:
    drawn = "tpige_kedro.datasets.DrawnPictureDataset"
    folder = ItemFolder(path=str(tmp_path), suffix=".png", dataset=drawn)
    assert folder.preview() is None
    filled(folder, {str(i): Image.new("RGB", (64, 32), (i * 50, 0, 0)) for i in range(5)})
    assert picture_of(folder.preview()).size == (4 * 256, 128)
    assert folder.preview.__annotations__["return"] == "ImagePreview"


def test_values_and_texts_have_no_preview(tmp_path: Path, stage: Stage) -> None:
    assert filled(ItemFolder(path=str(tmp_path / "values")), {"a": {}}).preview() is None
    assert stage.run().preview() is None

from __future__ import annotations

import errno
import io
import os
import time
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from tpige_kedro.datasets import Clip, ResumablePartitionedDataset
from tpige_kedro.datasets.atomic import save_atomically, sweep_temporary_files


def records(folder: Path) -> ResumablePartitionedDataset:
    return ResumablePartitionedDataset(
        path=str(folder), filename_suffix=".json", dataset="json.JSONDataset"
    )


def load(dataset: ResumablePartitionedDataset) -> dict[str, Any]:
    return {key: read() for key, read in dataset.load().items()}


def test_an_absent_folder_is_empty(tmp_path: Path) -> None:
    assert records(tmp_path / "none").load() == {}
    assert not records(tmp_path / "none").exists()


def test_partitions_come_back_and_more_are_added(tmp_path: Path) -> None:
    records(tmp_path).save({"b/2": {"x": 2}})
    records(tmp_path).save({"a": {"x": 1}})
    assert load(records(tmp_path)) == {"a": {"x": 1}, "b/2": {"x": 2}}


def test_none_deletes(tmp_path: Path) -> None:
    dataset = records(tmp_path)
    dataset.save({"a": {}, "b": {}})
    dataset.save({"a": None, "never": None})
    assert list(dataset.load()) == ["b"]


def test_callables_are_called_one_by_one_in_the_order_given(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def item() -> dict[str, int]:
        seen.append(sorted(f.name for f in tmp_path.iterdir()))
        return {}

    records(tmp_path).save({"z": item, "a": item})
    assert seen == [[], ["z.json"]]


@pytest.mark.parametrize("key", ["../outside", "a/../../outside"])
def test_a_key_cannot_leave_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(Exception, match="outside"):
        records(tmp_path / "inside").save({key: {}})
    assert not (tmp_path / "outside.json").exists()


def test_unfinished_files_are_no_partitions(tmp_path: Path) -> None:
    (tmp_path / ".tmp-0123-a.json").write_text("{")
    assert records(tmp_path).load() == {}


def test_a_failing_save_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    dataset = records(tmp_path)
    dataset.save({"a": {"x": 1}})
    with pytest.raises(DatasetError):
        dataset.save({"a": {"x": object()}})
    assert load(dataset) == {"a": {"x": 1}}
    assert [f.name for f in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "data_root"), (errno.EIO, "mend")],
)
def test_errors_of_the_disk_name_path_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    dataset = records(tmp_path)
    dataset.save({"a": {"x": 1}})

    def broken(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(DatasetError, match=rf"b\.json.*{remedy}.*is kept"):
        dataset.save({"b": {}})
    assert load(dataset) == {"a": {"x": 1}}
    assert [f.name for f in tmp_path.iterdir()] == ["a.json"]


def test_a_disk_full_inside_the_writer_is_recognised(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        path.write_text("half")
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise DatasetError("wrapped by a dataset") from error

    with pytest.raises(DatasetError, match="disk is full"):
        save_atomically(tmp_path / "a.mp4", write)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("not a folder")
    with pytest.raises(DatasetError, match=r"records.*data_root"):
        records(tmp_path / "records" / "vace").save({"a": {}})


def test_old_rests_are_swept_and_young_ones_stay(tmp_path: Path) -> None:
    old, young = tmp_path / "v" / ".tmp-1-a.mp4", tmp_path / ".tmp-2-b.mp4"
    old.parent.mkdir()
    for file in (old, young):
        file.write_text("half")
    os.utime(old, (time.time() - 7200,) * 2)
    assert sweep_temporary_files(tmp_path) == 1
    assert young.exists() and not old.exists()


def test_the_first_save_sweeps(tmp_path: Path) -> None:
    old = tmp_path / ".tmp-1-a.json"
    old.write_text("half")
    os.utime(old, (0, 0))
    records(tmp_path).save({})
    assert not old.exists()


def picture_of(preview: Any) -> Image.Image:
    return Image.open(io.BytesIO(b64decode(preview)))


def test_the_preview_of_clips_is_four_frames_of_the_first(tmp_path: Path) -> None:
    dataset = ResumablePartitionedDataset(
        path=str(tmp_path), filename_suffix=".mp4", dataset="tpige_kedro.datasets.Mp4Dataset"
    )
    frames = np.zeros((4, 32, 32, 3), np.uint8)
    frames[:, :, :] = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 250]], np.uint8)[
        :, None, None
    ]
    dataset.save({"b": Clip(frames * 0, 8), "a": Clip(frames, 8)})
    strip = picture_of(dataset.preview())
    assert strip.size == (4 * 128, 128)
    colours = np.asarray(strip)[64, 64::128].astype(int)
    assert (colours.argmax(axis=1)[:3] == [0, 1, 2]).all() and colours[3].min() > 200


def test_the_preview_of_pictures_is_the_first_four(tmp_path: Path) -> None:
    dataset = ResumablePartitionedDataset(
        path=str(tmp_path), filename_suffix=".png", dataset="pillow.ImageDataset"
    )
    assert dataset.preview() is None
    dataset.save({str(i): Image.new("RGB", (64, 32), (i * 50, 0, 0)) for i in range(5)})
    assert picture_of(dataset.preview()).size == (4 * 256, 128)
    assert dataset.preview.__annotations__["return"] == "ImagePreview"


def test_records_have_no_preview(tmp_path: Path) -> None:
    records(tmp_path).save({"a": {}})
    assert records(tmp_path).preview() is None

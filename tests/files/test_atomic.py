"""A file is there and whole, or not there at all, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from tpige_kedro.files import atomic
from tpige_kedro.files.atomic import is_temporary, remove, save_atomically, save_bytes


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def half(path: Path) -> None:
    """A writer that dies in the middle."""
    path.write_text("half")
    raise ValueError("the writer broke")


def test_a_file_is_written_beside_and_renamed(tmp_path: Path) -> None:
    file, seen = tmp_path / "new" / "clip.mp4", []

    def write(path: Path) -> None:
        seen.append((path.parent, is_temporary(path.name), path.suffix, file.exists()))
        path.write_text("whole")

    save_atomically(file, write)
    assert seen == [(file.parent, True, ".mp4", False)]
    assert file.read_text() == "whole" and names(file.parent) == ["clip.mp4"]


def test_a_failing_writer_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(ValueError, match="the writer broke"):
        save_atomically(file, half)
    assert file.read_text() == "old" and names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_stopped_writer_leaves_the_old_file_and_no_rest(tmp_path: Path, stop: type) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")

    def write(path: Path) -> None:
        path.write_text("half")
        raise stop

    with pytest.raises(stop):
        save_atomically(file, write)
    assert file.read_text() == "old" and names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "the disk is full: free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EFBIG, "raise it (ulimit -f unlimited)"),
        (errno.EACCES, "change its permissions or set another data_root"),
        (errno.EROFS, "set another data_root"),
        (errno.EIO, "fix the cause"),
    ],
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_errors_of_the_disk_name_path_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int, remedy: str
) -> None:
    file = tmp_path / "b.json"
    file.write_text("old")

    def broken(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, step, broken)
    with pytest.raises(
        DatasetError, match=rf"cannot save .*b\.json: .*{re.escape(remedy)}.* are kept"
    ):
        save_bytes(file, b"new")
    assert file.read_text() == "old" and names(tmp_path) == ["b.json"]


def test_a_disk_full_inside_the_writer_is_recognised(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        path.write_text("half")
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise DatasetError("wrapped by a dataset") from error

    with pytest.raises(DatasetError, match="disk is full"):
        save_atomically(tmp_path / "a.mp4", write)
    assert names(tmp_path) == []


def test_what_a_dataset_refuses_for_another_reason_stays_its_own_error(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        raise DatasetError("frames are 31x32; H.264 needs even sizes")

    with pytest.raises(DatasetError, match=r"^frames are 31x32"):
        save_atomically(tmp_path / "a.mp4", write)


@pytest.mark.parametrize("place", ["records/a.json", "records/vace/a.json"])
def test_a_file_in_the_place_of_the_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "records").write_text("not a folder")
    words = r"records.*there is a file where a folder is needed.*data_root"
    with pytest.raises(DatasetError, match=words):
        save_bytes(tmp_path / place, b"{}")
    assert (tmp_path / "records").read_text() == "not a folder"


def test_the_file_is_flushed_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    flush, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("flush") or flush(handle))
    monkeypatch.setattr(os, "replace", lambda *names: done.append("rename") or replace(*names))
    save_bytes(tmp_path / "a", b"x")
    assert done[:2] == ["flush", "rename"]


def test_what_would_not_change_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    assert save_bytes(file, b"one")
    os.utime(file, (1, 1))
    before = file.stat()
    assert not save_bytes(file, b"one")
    after = file.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert save_bytes(file, b"two") and file.read_bytes() == b"two"
    assert file.stat().st_mtime > 1


def test_a_reader_beside_a_writer_sees_whole_files_only(tmp_path: Path) -> None:
    """What stood here before was written in place: a reader saw empty files in 10,276 of 10,318 looks."""
    file, contents = tmp_path / "t.csv", [bytes([65 + i]) * 20_000 for i in range(4)]
    save_bytes(file, contents[0])
    stop = threading.Event()

    def write() -> None:
        for i in range(10_000):
            if stop.is_set():
                return
            save_bytes(file, contents[i % 4])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {file.read_bytes() for _ in range(400)}
    finally:
        stop.set()
        writer.join()
    assert seen <= set(contents) and names(tmp_path) == ["t.csv"]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    file, errors = tmp_path / "a", []

    def write(letter: bytes) -> None:
        try:
            for _ in range(100):
                save_atomically(file, lambda path: _write(path, letter * 5000))
        except Exception as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == [] and file.read_bytes() in (b"a" * 5000, b"b" * 5000)
    assert names(tmp_path) == ["a"]


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def test_deleting_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    remove(tmp_path / "none")
    (tmp_path / "file").touch()
    remove(tmp_path / "file" / "below a file")
    remove(tmp_path / "file")
    assert names(tmp_path) == []


def test_only_unfinished_files_are_temporary() -> None:
    assert is_temporary(f"{atomic.PREFIX}0123abcd-clip.mp4")
    assert not any(map(is_temporary, ("clip.mp4", ".hidden", "a.tmp-1", "tmp-1")))

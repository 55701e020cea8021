from __future__ import annotations

import json
from pathlib import Path

import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import CompletionIndex


def write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def test_fingerprints_by_key(tmp_path: Path) -> None:
    write(tmp_path / "vace" / "s1.json", json.dumps({"fingerprint": "f1"}))
    write(tmp_path / "phantom" / "s1.json", json.dumps({"fingerprint": "f2"}))
    assert CompletionIndex(path=str(tmp_path)).load() == {"vace/s1": "f1", "phantom/s1": "f2"}


def test_an_absent_folder_means_that_nothing_is_finished(tmp_path: Path) -> None:
    assert CompletionIndex(path=str(tmp_path / "none")).load() == {}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '"text"', "{}", '{"fingerprint": 3}', "\ufeff{}", "\x00\xff"]
)
def test_a_record_that_proves_nothing_does_not_count(tmp_path: Path, content: str) -> None:
    write(tmp_path / "s1.json", content)
    assert CompletionIndex(path=str(tmp_path)).load() == {}


def test_unfinished_records_do_not_count(tmp_path: Path) -> None:
    write(tmp_path / ".tmp-1-s1.json", json.dumps({"fingerprint": "f"}))
    assert CompletionIndex(path=str(tmp_path)).load() == {}


def test_a_record_without_its_output_does_not_count(tmp_path: Path) -> None:
    write(tmp_path / "records" / "vace" / "s1.json", json.dumps({"fingerprint": "f"}))
    clips = {"path": str(tmp_path / "clips"), "filename_suffix": ".mp4"}
    index = CompletionIndex(path=str(tmp_path / "records"), outputs=clips)
    assert index.load() == {}
    write(tmp_path / "clips" / "vace" / "s1.mp4", "clip")
    assert index.load() == {"vace/s1": "f"}


def test_it_is_only_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be saved"):
        CompletionIndex(path=str(tmp_path)).save({"a": "b"})  # type: ignore[arg-type]

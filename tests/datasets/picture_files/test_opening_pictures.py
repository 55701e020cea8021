"""What reading the bytes of a picture file takes."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from tpige_kedro.datasets.picture_files.opening import read_file


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"p" * 1000)
    tracemalloc.start()
    try:
        assert read_file(file) == b"p" * 1000
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 1_000_000

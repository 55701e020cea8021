"""Whether what is to come fits on its disk: folders of one disk share its room."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tpige_kedro.weights.room import room_problems


@pytest.mark.parametrize(
    ("sizes", "fits"), [((60, 40), True), ((60, 41), False), ((100,), True), ((101,), False)]
)
def test_folders_of_one_disk_share_its_room(
    sizes: tuple[int, ...], fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    needed = [(tmp_path / f"not/there/yet{i}", size) for i, size in enumerate(sizes)]
    problems = room_problems(needed)
    assert len(problems) == (0 if fits else 1)
    assert all(f"{sum(sizes)} B are still to download" in problem for problem in problems)

"""Whether the disks have room for the downloads."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tpige_kedro.files.sizes import readable_size


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def room_problems(needed: Iterable[tuple[Path, int]]) -> list[str]:
    """One line for each disk on which what is to come (folders and bytes) has no room."""
    disks: dict[int, tuple[Path, int]] = {}
    for folder, count in needed:
        place = existing(folder)
        first, before = disks.get(place.stat().st_dev, (place, 0))
        disks[place.stat().st_dev] = first, before + count
    problems = []
    for folder, count in disks.values():
        free = shutil.disk_usage(folder).free
        if count > free:
            problems.append(
                f"{readable_size(count)} are still to download and the disk of {folder} has {readable_size(free)} free: free some "
                "space, or set HF_HOME to a folder on another disk"
            )
    return problems

"""Room on disks: for downloads and for results, which may share a file system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tpige_kedro.execution.machine import Room, room
from tpige_kedro.hooks.resources.downloads import Download
from tpige_kedro.hooks.resources.writes import Writes

GB = 10**9
REMEDIES = {
    "downloads": "set HF_HOME to a folder on another disk",
    "results": "set data_root to one (--params=data_root=/path)",
}


@dataclass(frozen=True)
class Need:
    """Bytes that a folder will get: ``downloads`` or ``results``."""

    kind: str
    size: int
    folder: Path
    words: str


def needs_of(downloads: Sequence[Download], cache: Path, writes: Sequence[Writes]) -> list[Need]:
    """What the cache of the hub and the folders of results will get; nothing that is empty."""
    found = []
    if size := sum(download.size for download in downloads):
        found.append(Need("downloads", size, cache, f"{gb(size)} of downloads in {cache}"))
    by_what: dict[str, list[Writes]] = defaultdict(list)
    for each in writes:
        if each.total:
            by_what[each.what].append(each)
    for what, those in by_what.items():
        size, count = sum(each.total for each in those), sum(each.count for each in those)
        words = f"about {gb(size)} of {what.replace('_', ' ')} ({count} x {size / count / 10**6:.1f} MB)"
        found.append(Need("results", size, those[0].folder, words))
    return found


def check_disks(needs: Sequence[Need], look: Callable[[Path], Room] = room) -> Iterator[str]:
    """File systems with less free space than they will get."""
    by_device: dict[int, list[Need]] = defaultdict(list)
    rooms: dict[int, Room] = {}
    for need in needs:
        found = look(need.folder)
        rooms[found.device] = found
        by_device[found.device].append(need)
    for device, those in by_device.items():
        size, free = sum(need.size for need in those), rooms[device].free
        if size > free:
            words = ", ".join(need.words for need in those)
            remedies = dict.fromkeys(REMEDIES[need.kind] for need in those)
            yield (
                f"{those[-1].folder}: the disk has {gb(free)} free and will need {gb(size)}: {words}; free some space, or "
                f"{' or '.join(remedies)}"
            )


def gb(size: int) -> str:
    """Bytes as GB, small ones as MB.

    >>> gb(69_400_000_000), gb(12_300_000)
    ('69.4 GB', '12.3 MB')
    """
    return f"{size / GB:.1f} GB" if size >= GB else f"{size / 10**6:.1f} MB"

"""What this machine has: host memory within the limits of its container or job, GPUs as torch sees them, room on disks."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

GIB = 2**30
CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class HostMemory:
    """Bytes: how much this process can have at most, and how much of it is available now; what sets the limit."""

    total: int
    available: int
    limited_by: str = "this machine"


@dataclass(frozen=True)
class Gpu:
    """A card as torch numbers it; ``total`` in bytes."""

    name: str
    total: int


@dataclass(frozen=True)
class Gpus:
    """The cards that this process sees; if there is none, ``absent`` says why."""

    cards: tuple[Gpu, ...] = ()
    absent: str = ""


@dataclass(frozen=True)
class Room:
    """Free bytes of a file system; ``device`` is the same for folders that share one."""

    free: int
    device: int


def host_memory(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> HostMemory:
    """The memory of the machine, or what a control group (container, SLURM job, systemd unit) grants of it if that is less."""
    import psutil

    memory = psutil.virtual_memory()
    found = HostMemory(memory.total, memory.available)
    for folder in _control_groups(cgroups, membership):
        limit = _number(folder, "memory.max", "memory.limit_in_bytes")
        if limit is None:
            continue
        if limit < found.total:
            where = f"the memory limit of its container or job ({folder})"
            found = HostMemory(limit, found.available, where)
        used = (_number(folder, "memory.current", "memory.usage_in_bytes") or 0) - _cache(folder)
        available = min(found.available, max(0, limit - used))
        found = HostMemory(found.total, available, found.limited_by)
    return found


def _control_groups(cgroups: Path, membership: Path) -> Iterator[Path]:
    """The folders of the memory groups that this process is in, and of those above them; version 2 and version 1."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        names = [part for part in PurePosixPath(path).parts if part not in {"/", ".."}]
        if controllers not in {"", "memory"} and "memory" not in controllers.split(","):
            continue
        root = cgroups / "memory" if controllers else cgroups
        yield from (root.joinpath(*names[:depth]) for depth in range(len(names), -1, -1))


def _number(folder: Path, *names: str) -> int | None:
    """The number in the first of these files that is there; None for ``max`` and where there is none."""
    for name in names:
        try:
            text = (folder / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None


def _cache(folder: Path) -> int:
    """Bytes of cached files, which the kernel gives back when they are needed."""
    try:
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    values = dict(line.split(maxsplit=1) for line in lines if " " in line)
    return int(values.get("total_inactive_file", values.get("inactive_file", "0")))


def gpus() -> Gpus:
    """The cards that torch sees, or why it sees none. Imports torch."""
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    if not there:
        return Gpus(absent=_why_none(torch, [str(warning.message) for warning in said]))
    cards = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
    return Gpus(tuple(Gpu(card.name, card.total_memory) for card in cards))


def _why_none(torch: Any, said: list[str]) -> str:
    built_for = torch.version.cuda or torch.version.hip
    if not built_for:
        return (
            f"torch {torch.__version__} is built for CPU only; install a build for GPUs "
            "(https://pytorch.org/get-started/locally)"
        )
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    reasons = [line.splitlines()[0] for line in said if line]
    if hidden is not None:
        reasons.append(f"CUDA_VISIBLE_DEVICES is {hidden!r}")
    why = "; ".join(reasons) or "nvidia-smi shows whether the driver does"
    return f"torch {torch.__version__} (built for {built_for}) sees none: {why}"


def free_gpu_memory(index: int) -> int:
    """Bytes of a card that no process uses."""
    import torch

    return int(torch.cuda.mem_get_info(index)[0])


def room(folder: Path) -> Room:
    """The free space where ``folder`` is, or will be."""
    place = next(f for f in (folder, *folder.absolute().parents) if f.exists())
    return Room(shutil.disk_usage(place).free, place.stat().st_dev)

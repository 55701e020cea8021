"""Memory peaks: of the GPU as torch counts it, of this process as Linux counts it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GIB = 2**30
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
ASKED = re.compile(r"Tried to allocate ([\d.]+) (\w+)")
UNITS = {"bytes": 1.0, "KiB": 2**10, "MiB": 2**20, "GiB": GIB}


def status_bytes(name: str) -> int | None:
    """A line of ``/proc/self/status`` in bytes; None where there is no such file (macOS, Windows)."""
    if not STATUS.exists():
        return None
    found = re.search(rf"^{name}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


@dataclass
class HostPeak:
    """The largest resident memory of this process: all of it (``VmHWM``, with mapped files), and the part that is no file."""

    resident: int | None = None
    anonymous: int | None = None


@contextmanager
def host_peak(every: float = 0.1) -> Iterator[HostPeak]:
    """Watch this process; the peak of anonymous memory is sampled ten times a second."""
    peak, over = HostPeak(), threading.Event()
    with suppress(OSError):
        RESET.write_text("5")  # forget the peak before

    def look() -> None:
        while not over.wait(every):
            peak.anonymous = max(peak.anonymous or 0, status_bytes("RssAnon") or 0) or None

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        peak.resident = status_bytes("VmHWM")


@dataclass
class Gpu:
    """The GPU of this process, if there is one, and how much of it may be used (GiB)."""

    limit: float | None = None
    name: str = field(default="", init=False)
    total: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        import torch

        if not torch.cuda.is_available():
            return
        properties: Any = torch.cuda.get_device_properties(0)
        self.name, self.total = properties.name, properties.total_memory / GIB
        if self.limit is not None:
            torch.cuda.set_per_process_memory_fraction(min(self.limit / self.total, 1.0))

    def start(self) -> None:
        """Begin a new peak."""
        if self.name:
            import torch

            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> dict[str, float]:
        """The peak since :meth:`start`, in GiB: allocated for tensors, and reserved from the GPU."""
        if not self.name:
            return {}
        import torch

        return {
            "allocated": torch.cuda.max_memory_allocated() / GIB,
            "reserved": torch.cuda.max_memory_reserved() / GIB,
        }

    def wait(self) -> None:
        """Until everything that was started is finished."""
        if self.name:
            import torch

            torch.cuda.synchronize()


def asked_for(message: str) -> float | None:
    """The GiB that an error says could not be had.

    >>> asked_for("CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has ...")
    0.5
    """
    found = ASKED.search(message)
    return float(found[1]) * UNITS.get(found[2], 1.0) / GIB if found else None

"""How many CPU cores this process may use, and how many threads the networks use."""

from __future__ import annotations

import os
import sys


def limit_threads(count: int | None) -> None:
    """Let torch use ``count`` threads; None leaves its default, and ``OMP_NUM_THREADS`` in the environment wins.

    Small networks run in thousands of short parallel regions, at whose end all threads wait for each other. When another
    program takes one of two cores for a moment, each of these waits lasts a turn of the scheduler: redrawing two references
    of the demo beside other programs took 152 s with two threads and 10 s with one (two cores, mini models).
    """
    if count is None or "OMP_NUM_THREADS" in os.environ:
        return
    if (
        "torch" in sys.modules
    ):  # too late for the environment: a notebook, or a second run in one process
        import torch

        torch.set_num_threads(count)
    else:
        os.environ["OMP_NUM_THREADS"] = str(count)


def allowed() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def processors() -> int:
    """As many of them as ``OMP_NUM_THREADS`` leaves: what libraries with threads of their own should take."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed(), int(limit)) if limit.isdigit() and int(limit) > 0 else allowed()

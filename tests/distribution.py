"""Which tests run in one process of pytest-xdist, and what is begun first."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# tests that share what takes long to make: a judge trained on the spot, the evidence of a made-up ablation
TOGETHER = ("tests/mini/", "tests/benchmarks/test_evidence")
# what takes longest is begun first, so that no process waits for another at the end; then as collected
FIRST = ("tests/evidence/", *TOGETHER, "tests/video_generators/test_several_gpus", "tests/test_")


def group(nodeid: str) -> str:
    """What runs in the same process: the tests of a file, or of a line of ``TOGETHER``."""
    file = nodeid.partition("::")[0]
    return next((start for start in TOGETHER if file.startswith(start)), file)


def place(nodeid: str) -> int:
    """Where in the order, among others at the same place."""
    return next((i for i, start in enumerate(FIRST) if nodeid.startswith(start)), len(FIRST))


class ByGroup(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)

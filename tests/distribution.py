"""Which tests run in one process of pytest-xdist, and what is begun first."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# tests that share what takes long to make: processes start from one that has imported everything (tests/warm.py), a judge
# trained on the spot, the evidence of a made-up ablation
TOGETHER = (
    (
        "tests/test_kill",
        "tests/test_several_runs",
        "tests/test_warm",
        "tests/video_generators/test_several_gpus",
        "tests/benchmarks/test_several_gpus",
    ),
    ("tests/mini/",),
    ("tests/benchmarks/test_evidence",),
)
# what takes longest is begun first, so that no process waits for another at the end; then as collected
FIRST = (("tests/evidence/",), *TOGETHER, ("tests/test_",))


def group(nodeid: str) -> str:
    """What runs in the same process: the tests of a file, or of a line of ``TOGETHER``."""
    file = nodeid.partition("::")[0]
    return next((starts[0] for starts in TOGETHER if file.startswith(starts)), file)


def place(nodeid: str) -> int:
    """Where in the order, among others at the same place."""
    return next((i for i, starts in enumerate(FIRST) if nodeid.startswith(starts)), len(FIRST))


class ByGroup(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)

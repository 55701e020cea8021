"""Two clips frame by frame: how many differ, by how much at most, and on average."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tpige_kedro.remaking import comparing
from tpige_kedro.remaking.comparing import FrameComparison, compared


@pytest.fixture
def clips(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Frames by the name of a file, decoded already."""
    known: dict[str, np.ndarray] = {}

    def opened(filepath: str) -> SimpleNamespace:
        return SimpleNamespace(load=lambda: SimpleNamespace(frames=known[filepath]))

    monkeypatch.setattr(comparing, "Mp4Dataset", opened)
    return known


@pytest.mark.parametrize(("before", "after"), [(0, 255), (255, 0), (10, 200), (200, 10), (3, 4)])
def test_the_largest_gap_is_the_same_in_both_directions(
    before: int, after: int, clips: dict[str, np.ndarray]
) -> None:
    clips |= {"a": np.full((4, 2, 2, 3), before, np.uint8)}
    clips["b"] = clips["a"].copy()
    clips["b"][1, 0, 0, 0] = after
    found = compared("a", "b")  # type: ignore[arg-type]
    gap = abs(after - before)
    assert (found.differing, found.largest) == (1, gap) and not found.is_identical
    assert found.mean == pytest.approx(gap / (4 * 2 * 2 * 3))


def test_equal_clips_and_clips_of_other_sizes(clips: dict[str, np.ndarray]) -> None:
    clips |= {"a": np.zeros((4, 2, 6, 3), np.uint8), "b": np.zeros((4, 6, 2, 3), np.uint8)}
    assert compared("a", "a").is_identical  # type: ignore[arg-type]
    found = compared("a", "b")  # type: ignore[arg-type]
    assert found == FrameComparison((4, 2, 6), (4, 6, 2)) and not found.is_identical

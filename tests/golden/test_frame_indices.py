"""What the published code does with a clip of no known length, and the other sampling that must not be confused with it."""

from __future__ import annotations

import pytest

from golden_metrics import read
from tpige_kedro.metrics.frame_sampling import even_indices


def test_a_clip_without_frames_has_no_indices() -> None:
    published = read("frame_sampling.json")["total0"]
    assert published["linspace"][0] == 0
    assert set(published["linspace"][1:]) == {-1}  # reads nothing: the published code then scores 0
    with pytest.raises(ValueError, match="at least 1"):
        even_indices(0, published["n"])


def test_integers_are_safe() -> None:
    assert read("frame_sampling.json")["linspace_differs_from_exact_integer_floor"] == []


def test_not_the_indices_of_consisid() -> None:
    cases = read("frame_sampling.json")["cases"]
    for case in cases:
        theirs = [int(i * case["total"] / case["n"]) for i in range(case["n"])]
        assert case["consisid_clip"] == theirs
    assert any(even_indices(c["total"], c["n"]) != c["consisid_clip"] for c in cases)

"""The Frechet distance of sets against vectors made with two independent formulas."""

from __future__ import annotations

import numpy as np
import pytest

from golden_metrics import arrays
from tpige_kedro.metrics.face_set import frechet_distance


@pytest.fixture(scope="module")
def vectors() -> dict[str, np.ndarray]:
    return arrays("fid.npz")


def test_distance_of_two_sets_and_not_what_the_published_formula_gives(vectors: dict) -> None:
    ours = frechet_distance(vectors["set_x"], vectors["set_y"])
    assert ours == pytest.approx(float(vectors["proper_fid"]), rel=1e-6)
    assert ours == pytest.approx(float(vectors["proper_fid_sqrtm"]), rel=1e-6)
    assert abs(ours - float(vectors["ref_formula_on_sets"])) > 1


def test_distance_of_sets_smaller_than_their_dimension(vectors: dict) -> None:
    ours = frechet_distance(vectors["small_x"], vectors["small_y"])
    assert ours == pytest.approx(float(vectors["proper_fid_small"]), rel=1e-4)
    assert abs(ours - float(vectors["ref_formula_on_small"])) > 1

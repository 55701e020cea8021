from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.faces.alignment import TEMPLATE, norm_crop, similarity_transform, template


@given(
    st.floats(-3, 3),
    st.floats(0.1, 20),
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_a_turned_scaled_and_shifted_template_is_found_again(angle, scale, shift) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = TEMPLATE.astype(np.float64)
    matrix = similarity_transform(seen, seen @ turn.T + shift)
    np.testing.assert_allclose(matrix[:, :2], turn, atol=1e-6)
    np.testing.assert_allclose(matrix[:, 2], shift, atol=1e-4)


def test_a_mirrored_face_is_turned_and_never_mirrored() -> None:
    mirrored = TEMPLATE * np.float32([-1, 1])
    assert np.linalg.det(similarity_transform(mirrored, TEMPLATE)[:, :2]) > 0


def test_templates() -> None:
    np.testing.assert_array_equal(template(112), TEMPLATE)
    np.testing.assert_array_equal(template(224), 2 * TEMPLATE)
    np.testing.assert_allclose(template(256), 2 * TEMPLATE + np.float32([16, 0]))
    with pytest.raises(ValueError, match="100 pixels"):
        template(100)


def test_an_upright_face_is_copied_and_what_lies_outside_is_black() -> None:
    picture = np.random.default_rng(0).integers(1, 256, (112, 112, 3), np.uint8)
    crop = norm_crop(picture, TEMPLATE, 112)
    assert np.abs(crop.astype(int) - picture).max() <= 1
    beside = norm_crop(picture, TEMPLATE + np.float32([1000, 0]), 112)
    assert not beside.any()

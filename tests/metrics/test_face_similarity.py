from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tpige_kedro.metrics.face_similarity import (
    FACELESS_CLIP,
    FACELESS_REFERENCE,
    NO_FRAMES,
    cosine,
    face_feature_sqdist,
    face_rate,
    identity_scores,
    identity_spread,
)
from tpige_kedro.metrics.protocol import Missing

vectors = arrays(np.float32, 4, elements=st.floats(-3, 3, width=32))
maybe_faces = st.lists(st.none() | vectors, min_size=1, max_size=12)


@given(maybe_faces, vectors, st.floats(0.1, 100))
def test_scores_stay_in_range_and_ignore_the_scale_of_embeddings(frames, reference, scale) -> None:
    reference = reference + np.float32(10)  # far from the zero vector
    scores = identity_scores(frames, reference, "cur_score")
    visible, over_all, worst = scores.values()
    assert 0 <= over_all <= visible + 1e-12 <= 1 + 2e-12
    assert worst is FACELESS_CLIP or worst <= visible + 1e-12
    assert over_all == pytest.approx(visible * face_rate(frames))
    assert identity_scores(frames, reference * scale, "cur_score")["cur_score"] == pytest.approx(
        visible,
        abs=1e-6,  # the scaled vector is rounded to single precision
    )


def test_opposite_faces_count_zero_and_are_not_left_out() -> None:
    reference = np.array([1.0, 0.0])
    frames = [reference, -reference, None, None]
    scores = identity_scores(frames, reference, "arc_score")
    assert scores == {
        "arc_score": 0.5,
        "arc_score_missing_as_zero": 0.25,
        "arc_score_worst_frame": 0.0,
    }
    assert face_rate(frames) == 0.5


def test_a_face_that_vanishes_costs_only_in_our_column() -> None:
    face = np.array([0.6, 0.8])
    stays = identity_scores([face] * 4, face, "cur_score")
    vanishes = identity_scores([face, None, None, None], face, "cur_score")
    assert vanishes["cur_score"] == stays["cur_score"] == pytest.approx(1)
    assert vanishes["cur_score_missing_as_zero"] == pytest.approx(0.25)


def test_faceless_clip() -> None:
    reference = np.ones(3)
    scores = identity_scores([None, None], reference, "cur_score")
    assert scores["cur_score"] == scores["cur_score_missing_as_zero"] == 0.0
    assert scores["cur_score_worst_frame"] == FACELESS_CLIP
    assert face_rate([None, None]) == 0.0
    assert face_feature_sqdist([None, None], reference) == FACELESS_CLIP
    assert face_feature_sqdist([None, None], reference, faceless=0.0) == 0.0


def test_faceless_reference_and_empty_clip_have_reasons() -> None:
    frames = [np.ones(3)]
    assert set(identity_scores(frames, None, "cur_score").values()) == {FACELESS_REFERENCE}
    assert face_feature_sqdist(frames, None) == FACELESS_REFERENCE
    assert set(identity_scores([], np.ones(3), "cur_score").values()) == {NO_FRAMES}
    assert face_rate([]) == face_feature_sqdist([], np.ones(3)) == NO_FRAMES


@given(vectors, vectors)
def test_cosine_is_symmetric_and_bounded(a, b) -> None:
    assert cosine(a, b) == pytest.approx(cosine(b, a))
    assert abs(cosine(a, b)) <= 1 + 1e-9


def test_squared_distance_averages_over_frames_with_a_face() -> None:
    frames = [np.array([3.0, 4.0]), None, np.array([0.0, 1.0])]
    assert face_feature_sqdist(frames, np.zeros(2)) == (25 + 1) / 2


@pytest.mark.parametrize("count", [2, 3, 9])
def test_the_spread_is_one_minus_the_mean_cosine_of_all_pairs(count: int) -> None:
    faces = list(np.random.default_rng(count).normal(size=(count, 16)))
    cosines = [cosine(a, b) for a, b in combinations(faces, 2)]
    expected = 1 - np.mean(cosines)
    assert identity_spread([None, *faces]) == pytest.approx(expected)
    assert identity_spread([3 * face for face in faces]) == pytest.approx(expected)


def test_a_face_that_stays_has_no_spread_and_one_face_has_no_value() -> None:
    face = np.arange(1.0, 5.0)
    assert identity_spread([face] * 4) == pytest.approx(0, abs=1e-12)
    assert identity_spread([face, -face]) == pytest.approx(2)
    for few, count in (([], 0), ([None, None], 0), ([face, None], 1)):
        assert identity_spread(few) == Missing(f"needs 2 frames with a face, the clip has {count}")

"""The metrics' arithmetic against vectors made with the published code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tpige_kedro.metrics.face_similarity import (
    cosine,
    face_feature_sqdist,
    frame_similarities,
    identity_scores,
)
from tpige_kedro.metrics.frame_sampling import distinct_indices, even_indices
from tpige_kedro.metrics.motion_smoothness import motion_smoothness, symmetric_padding
from tpige_kedro.metrics.overall import column_means, overall
from tpige_kedro.metrics.protocol import Missing

GOLDEN = Path(os.environ.get("TPIGE_GOLDEN", Path(__file__).parent)) / "metrics"


def read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / name) as file:
        return dict(file)


# --- frame sampling


def test_frame_indices_equal_the_published_ones() -> None:
    cases = read("frame_sampling.json")["cases"]
    assert len(cases) > 10
    for case in cases:
        assert even_indices(case["total"], case["n"]) == case["linspace"]
        assert distinct_indices(case["total"], case["n"]) == case["clip_gme"]


# --- motion smoothness


def mean(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return 0.5 * (a + b)


def extrapolate(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return 1.5 * a - 0.5 * b


def first(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a


def blur5(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(mean(a, b), 5, stride=1, padding=2)


VIDEOS = ("a_9x32x32", "b_8x32x32", "c_7x30x45", "d_3x17x33")


@pytest.mark.parametrize("video", VIDEOS)
@pytest.mark.parametrize("interpolate", [mean, blur5, extrapolate, first])
def test_motion_smoothness(video: str, interpolate: Any) -> None:
    expected = read("motion_smoothness.json")[video]
    shapes = []

    def spy(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(a.shape[1:]))
        return interpolate(a, b)

    frames = arrays("motion_smoothness.npz")[video]
    # a blur may sum in another order, so that single values fall on the other side of a whole number
    tolerance = 1e-4 if interpolate is blur5 else 1e-12
    for batch_size in (1, 8):
        score = motion_smoothness(frames, spy, batch_size)
        assert score == pytest.approx(expected[interpolate.__name__], abs=tolerance)
    assert set(shapes) == {tuple(expected["blur5_padded_shape"][1:])}


def test_padding() -> None:
    for height, width, *sides in read("motion_smoothness.json")["pads_h_w_left_right_top_bottom"]:
        assert list(symmetric_padding(height, width)) == sides


# --- faces


def test_squared_distance_is_what_the_published_fid_of_one_frame_gives() -> None:
    vectors = arrays("fid.npz")
    ours = [
        face_feature_sqdist([fake], real)
        for real, fake in zip(vectors["real"], vectors["fake"], strict=True)
    ]
    np.testing.assert_allclose(ours, vectors["degenerate_ref"], rtol=1e-6)
    np.testing.assert_allclose(ours, vectors["degenerate_closed_form"], rtol=1e-12)


def test_identity_scores_of_a_clip_with_hidden_and_negative_faces() -> None:
    vectors = arrays("face_pipeline.npz")
    reference = vectors["ref_call0_face0_embedding"]
    # which face counts in each frame (largest area; the last of equals; f1 only after padding; f2 has none)
    areas = {i: area(vectors[f"f0_call0_face{i}_bbox"]) for i in (0, 1)}
    frames = [
        vectors[f"f0_call0_face{max(areas, key=lambda i: areas[i])}_embedding"],
        vectors["f1_call1_face0_embedding"],
        None,
        vectors["f3_call0_face0_embedding"],
        vectors["f4_call0_face1_embedding"],
        vectors["f5_call0_face0_embedding"],
    ]
    expected = vectors["per_frame_cos_cur_arc_fid"][:, 1]
    cosines = [np.nan if f is None else cosine(f, reference) for f in frames]
    np.testing.assert_allclose(cosines, expected, atol=1e-6)
    assert np.nanmin(expected) < 0 == frame_similarities(frames, reference).min()
    scores = identity_scores(frames, reference, "arc_score")
    assert scores["arc_score"] == pytest.approx(float(vectors["expected_arc"]), abs=1e-6)


def test_published_means_over_frames() -> None:
    vectors = arrays("face_pipeline.npz")
    cur, _, sqdist = vectors["per_frame_cos_cur_arc_fid"].T
    # vectors of one and two numbers with these cosines and distances stand in for the networks' outputs
    as_vectors = [None if np.isnan(c) else np.array([c, np.sqrt(1 - c * c)]) for c in cur]
    scores = identity_scores(as_vectors, np.array([1.0, 0.0]), "cur_score")
    assert scores["cur_score"] == pytest.approx(float(vectors["expected_cur"]), abs=1e-6)
    features = [None if np.isnan(d) else np.array([np.sqrt(d)]) for d in sqdist]
    ours = face_feature_sqdist(features, np.zeros(1))
    assert ours == pytest.approx(float(vectors["expected_fid"]), rel=1e-6)


def area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


# --- overall and aggregation


def test_all_published_rows_of_overall() -> None:
    table = read("overall.json")
    names = {
        "gme": "gme_score",
        "cur": "cur_score",
        "arc": "arc_score",
        "motion": "motion_smoothness",
        "imaging": "imaging_quality",
    }
    assert len(table["rows"]) == 9
    for row in table["rows"]:
        score = overall({name: row[key] for key, name in names.items()})
        assert score == pytest.approx(row["overall_computed"], abs=1e-12)
        assert score == pytest.approx(row["overall_paper"], abs=1e-4)


def test_means_leave_out_what_is_missing_and_overall_follows_from_them() -> None:
    table = read("aggregation.json")
    means = column_means(list(table["per_video"].values()))
    assert means == pytest.approx(table["expected_means"], abs=1e-12)
    parts = {
        "gme_score": means["GME-Score"],
        **{k: v for k, v in means.items() if k != "GME-Score"},
    }
    assert overall(parts) == pytest.approx(table["expected_overall"], abs=1e-12)
    without_faces = table["per_video"]["id001_prompt1"]
    assert isinstance(overall(without_faces), Missing)

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from tiny_buffalo import red_squares, write_pack
from tpige_kedro.errors import ModelError
from tpige_kedro.metrics import face_set
from tpige_kedro.metrics.face_set import (
    FID_INCEPTION,
    InceptionFeatures,
    frechet_distance,
    kernel_distance,
    set_level_scores,
)
from tpige_kedro.metrics.photo_face_set import PhotoFaceSetScorer, face_crops
from tpige_kedro.metrics.protocol import Missing


def normal(count: int, size: int = 6, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, size))


def crops(count: int, seed: int = 0, dark: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, dark, (count, 8, 8, 3)).astype(np.uint8)


def channel_means(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), -1, 3).mean(axis=1)


# --- arithmetic


def test_frechet_distance_of_one_dimension_is_known_in_closed_form() -> None:
    x, y = 2 + 3 * normal(400, 1), normal(300, 1, seed=1)
    expected = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet_distance(x, y) == pytest.approx(expected)


def test_frechet_distance_is_symmetric_and_zero_for_equal_sets() -> None:
    x, y = normal(40), 1 + 2 * normal(30, seed=1)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x))
    assert frechet_distance(x + 5, y + 5) == pytest.approx(frechet_distance(x, y))


def test_kernel_distance_by_the_sums_of_its_definition() -> None:
    x, y = normal(5), normal(4, seed=1)

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    same = [
        np.mean([k(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j])
        for s in (x, y)
    ]
    expected = sum(same) - 2 * np.mean([k(a, b) for a in x for b in y])
    assert kernel_distance(x, y) == pytest.approx(expected)


def test_kernel_distance_is_unbiased_for_few_samples_and_the_frechet_distance_is_not() -> None:
    pairs = [(normal(8, seed=2 * i), normal(8, seed=2 * i + 1)) for i in range(300)]
    kernel = [kernel_distance(x, y) for x, y in pairs]
    assert abs(np.mean(kernel)) < 3 * np.std(kernel) / np.sqrt(len(pairs)) and min(kernel) < 0
    assert np.mean([frechet_distance(x, y) for x, y in pairs]) > 1
    assert kernel_distance(normal(8), normal(8, seed=1, shift=2)) > max(kernel)


# --- sets of crops


def test_scores_of_a_set_do_not_depend_on_batches_and_tell_how_many_there_were(
    monkeypatch: Any,
) -> None:
    whole = set_level_scores(crops(50), crops(20, seed=1, dark=200), channel_means)
    monkeypatch.setattr(face_set, "BATCH", 7)
    parts = set_level_scores(iter(crops(50)), iter(crops(20, seed=1, dark=200)), channel_means)
    assert whole == pytest.approx(parts)
    assert (whole["face_crops"], whole["reference_crops"]) == (50, 20)
    expected = frechet_distance(channel_means(crops(50)), channel_means(crops(20, 1, 200)))
    assert whole["face_fid"] == pytest.approx(expected)


@pytest.mark.parametrize(("of_clips", "of_references"), [(0, 5), (1, 5), (5, 1)])
def test_too_few_crops_are_missing_with_a_reason(of_clips: int, of_references: int) -> None:
    scores = set_level_scores(crops(of_clips), crops(of_references), channel_means)
    for name in ("face_fid", "face_kid"):
        value = scores[name]
        assert isinstance(value, Missing) and f"{of_clips} of clips" in value.reason
    assert scores["face_crops"] == of_clips


# --- the network


def test_without_the_extra_its_name_is_said(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(ModelError, match=r"tpige_kedro\[fid\]"):
        InceptionFeatures("weights.pth")


@pytest.fixture
def extra(monkeypatch: Any) -> None:
    """Stands in for torch-fidelity where it is not installed."""

    class Extractor(torch.nn.Module):
        def __init__(
            self, name: str, features: list[str], feature_extractor_weights_path: str
        ) -> None:
            super().__init__()
            assert features == ["2048"]
            self.load_state_dict(torch.load(feature_extractor_weights_path))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            assert x.dtype == torch.uint8 and x.shape[1] == 3
            return (x.float().mean(dim=(2, 3)),)

    module = ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Extractor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_missing_or_unsafe_weights_are_refused(extra: None, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"no such file.*; get weights-inception-2015-12-05.* from https"
    ):
        InceptionFeatures(str(tmp_path / "none.pth"))
    torch.save({"a": Path("/")}, tmp_path / "unsafe.pth")
    with pytest.raises(ModelError, match="not a plain state dict"):
        InceptionFeatures(str(tmp_path / "unsafe.pth"))


@pytest.mark.parametrize("size", [0, 30, 700])
def test_half_a_download_and_another_network_are_refused(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Strict:
        """As torch-fidelity's class loads: strictly, in its constructor."""

        def __init__(self, *_: object, feature_extractor_weights_path: str) -> None:
            state = torch.load(feature_extractor_weights_path, weights_only=True)
            torch.nn.Linear(2, 2).load_state_dict(state)

    monkeypatch.setattr(face_set, "import_extractor", lambda: Strict)
    file = tmp_path / FID_INCEPTION.file
    torch.save({"weight": torch.ones(2, 2)}, file)
    with pytest.raises(
        ModelError, match=r"does not hold a complete Strict .*get weights-inception"
    ):
        InceptionFeatures(str(file), device="cpu")
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ModelError, match=r"not a plain state dict.*get weights-inception"):
        InceptionFeatures(str(tmp_path), device="cpu")


def test_crops_reach_the_network_as_channels_first(extra: None, tmp_path: Path) -> None:
    torch.save({}, tmp_path / "weights.pth")
    features = InceptionFeatures(str(tmp_path / "weights.pth"), device="cpu")
    np.testing.assert_allclose(features(crops(3)), channel_means(crops(3)), rtol=1e-5)


def test_faces_of_all_sampled_frames_against_those_of_the_references(
    extra: None, tmp_path: Path
) -> None:
    folder = write_pack(tmp_path)
    torch.save({}, folder / FID_INCEPTION.file)
    scorer = PhotoFaceSetScorer(str(folder), device="cpu")
    face, other, none = (red_squares(320, 320, places) for places in ([(4, 4)], [(2, 6)], []))
    clips = [np.stack([face] * 20), np.stack([face, none, other]), none[None], face[None][:0]]
    scores = scorer.score_set(iter(clips), [face, none, other])
    assert (scores["face_crops"], scores["reference_crops"]) == (16 + 2, 2)
    assert isinstance(scores["face_fid"], float) and isinstance(scores["face_kid"], float)
    assert [crop.shape for crop in face_crops(scorer.models, [none, face])] == [(224, 224, 3)]


def test_missing_files_of_the_set_scorer_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"det_10g.*weights-inception-2015-12-05"):
        PhotoFaceSetScorer(str(tmp_path))


def test_the_published_network_tells_equal_sets_from_others() -> None:
    pytest.importorskip("torch_fidelity", reason="the extra fid is not installed")
    file = Path(os.environ.get("TPIGE_WEIGHTS", "/nonexistent")) / "photo_face" / FID_INCEPTION.file
    if not file.exists():
        pytest.skip(f"weights absent: $TPIGE_WEIGHTS/photo_face/{file.name}")
    features = InceptionFeatures(str(file))
    assert features(crops(2)).shape == (2, 2048)
    near = set_level_scores(crops(20), crops(20, seed=1), features)
    far = set_level_scores(crops(20), crops(20, seed=1, dark=60), features)
    assert near["face_kid"] < far["face_kid"] and near["face_fid"] < far["face_fid"]

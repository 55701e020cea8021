"""Faces: alignment, IR-101, and the whole way from pixels to scores, against vectors made with the published code."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from golden_metrics import arrays, read, ruled
from tpige_kedro.faces.alignment import TEMPLATE, norm_crop, similarity_transform, template
from tpige_kedro.faces.finding import find_face, with_margin
from tpige_kedro.faces.protocol import Face, Picture
from tpige_kedro.metrics.face_metrics import FaceMetrics, curricular_input, inception_input
from tpige_kedro.metrics.face_similarity import cosine
from tpige_kedro.networks.ir101 import IR101

SAME_OPENCV = cv2.__version__.split(".")[0] == "4"
SUFFIX = "" if SAME_OPENCV else "_cv5"  # version 5 warps a little differently


@cache
def network() -> IR101:
    made = ruled(IR101(), "ir101")
    assert isinstance(made, IR101)
    return made


# --- IR-101


def test_layout_of_ir101() -> None:
    published = read("ir101_state_dict.json")
    state = network().state_dict()
    assert list(state) == [key for key, *_ in published]
    for key, shape, dtype in published:
        assert (list(state[key].shape), str(state[key].dtype)) == (shape, f"torch.{dtype}")
    assert sum(p.numel() for p in network().parameters()) == 65_150_912


def test_the_rule_of_the_weights() -> None:
    vectors = arrays("ir101.npz")
    assert str(vectors["salt"]) == read("meta.json")["salt"]
    state = network().state_dict()
    for probe, key in {
        "probe_conv1": "input_layer.0.weight",
        "probe_prelu": "input_layer.2.weight",
        "probe_bn_w": "input_layer.1.weight",
        "probe_bn_var": "body.48.res_layer.5.running_var",
        "probe_fc": "output_layer.3.weight",
    }.items():
        np.testing.assert_array_equal(state[key].flatten()[:8].numpy(), vectors[probe])


def test_embeddings_of_ir101() -> None:
    vectors = arrays("ir101.npz")
    pictures = vectors["images_rgb_u8"]
    x = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    np.testing.assert_array_equal(x[:1].numpy(), vectors["input"])

    seen: list[torch.Tensor] = []
    hooks = [
        network().body[int(i)].register_forward_hook(lambda _m, _i, out: seen.append(out))
        for i in vectors["mid_indices"]
    ]
    with torch.inference_mode():
        embedding = network()(x).numpy()
    for hook in hooks:
        hook.remove()
    largest = np.abs(vectors["embedding"]).max()
    for expected in (vectors["embedding"], vectors["embedding_f64"]):
        np.testing.assert_allclose(embedding, expected, rtol=0, atol=1e-5 * largest)
    normed = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    np.testing.assert_allclose(normed, vectors["embedding_normed"], rtol=0, atol=1e-6)
    stats = [[float(t.mean()), float(t.std()), float(t.abs().max())] for t in seen]
    np.testing.assert_allclose(stats, vectors["mid_stats"], rtol=1e-4, atol=1e-5)


def test_ir101_in_double_precision() -> None:
    vectors = arrays("ir101.npz")
    x = torch.from_numpy(vectors["images_rgb_u8"][:1]).permute(0, 3, 1, 2).double()
    with torch.inference_mode():
        doubled = ruled(IR101(), "ir101").double()((x / 255 - 0.5) / 0.5).numpy()
    largest = np.abs(vectors["embedding_f64"]).max()
    np.testing.assert_allclose(doubled, vectors["embedding_f64"][:1], rtol=0, atol=1e-6 * largest)


# --- alignment


@pytest.mark.parametrize("size", [112, 224, 128])
def test_transforms(size: int) -> None:
    vectors = arrays("norm_crop.npz")
    np.testing.assert_array_equal(vectors["template"], TEMPLATE)
    ours = [similarity_transform(marks, template(size)) for marks in vectors["landmarks"]]
    np.testing.assert_allclose(ours, vectors[f"M{size}"], rtol=0, atol=1e-4)


def test_crops() -> None:
    vectors = arrays("norm_crop.npz")
    for version in ("", "_cv5"):
        major = str(vectors[f"cv2_version{version}"]).split(".")[0]
        same = major == cv2.__version__.split(".")[0]
        for number, size in ((1, 224), (1, 112), (3, 224)):
            crop = norm_crop(vectors["image_bgr"], vectors["landmarks"][number], size)
            expected = vectors[f"crop{size}_bgr_lmk{number}{version}"]
            assert_pixels(crop, expected, same)
        crop = norm_crop(vectors["image_bgr"], vectors["landmarks"][1], 224)
        halved = curricular_input(np.ascontiguousarray(crop[..., ::-1]))
        pixels = ((halved * 0.5 + 0.5) * 255).round().transpose(1, 2, 0)
        assert_pixels(pixels, vectors[f"cur_input_rgb_lmk1{version}"], same)


def test_halving_a_crop_is_not_a_smaller_crop() -> None:
    vectors = arrays("norm_crop.npz")
    halved = vectors["cur_input_rgb_lmk1"].astype(float)
    small = vectors["crop112_bgr_lmk1"][..., ::-1].astype(float)
    assert np.abs(halved - small).mean() > 0.5


def assert_pixels(ours: np.ndarray, expected: np.ndarray, same_opencv: bool) -> None:
    difference = np.abs(ours.astype(int) - expected.astype(int))
    if same_opencv:
        assert difference.max() == 0
    else:
        assert difference.max() <= 4
        assert difference.mean() <= 0.1


def test_margins() -> None:
    for case in read("pad_shapes.json"):
        picture = np.zeros((case["h"], case["w"], 3), np.uint8)
        padded, (left, top) = with_margin(picture)
        assert list(padded.shape[:2]) == case["padded"]
        assert [left, top] == case["left_top"]
        inside = padded[int(top) : int(top) + case["h"], int(left) : int(left) + case["w"]]
        assert not inside.any()
        assert padded.sum() == 3 * 128 * (padded.shape[0] * padded.shape[1] - case["h"] * case["w"])


# --- from pixels to scores

SUBJECTS = ("ref", *(f"f{i}" for i in range(6)))


class RecordedModels:
    """Answers as the detector and recogniser did when the vectors were made."""

    def __init__(self) -> None:
        self.vectors = arrays("face_pipeline.npz")
        self.shapes: list[tuple[int, ...]] = []
        pictures = [self.vectors["ref_rgb"][..., ::-1], *self.vectors["frames_bgr"]]
        self.pictures = dict(zip(SUBJECTS, pictures, strict=True))

    def detect(self, picture: Picture) -> list[Face]:
        self.shapes.append(picture.shape)
        call, name = self.recognise(picture)
        prefix = f"{name}_call{call}"
        return [
            Face(*(self.vectors[f"{prefix}_face{i}_{part}"] for part in ("bbox", "kps")))
            for i in range(int(self.vectors[f"{prefix}_n"]))
        ]

    def embed(self, picture: Picture, face: Face) -> np.ndarray:
        call, name = self.recognise(picture)
        prefix = f"{name}_call{call}"
        for i in range(int(self.vectors[f"{prefix}_n"])):
            if np.array_equal(self.vectors[f"{prefix}_face{i}_bbox"], face.box):
                return self.vectors[f"{prefix}_face{i}_embedding"]
        raise AssertionError("a face that was not detected here")

    def recognise(self, picture: Picture) -> tuple[int, str]:
        """Which subject it is, and whether with a margin (the second call)."""
        for name, known in self.pictures.items():
            for call, seen in enumerate((known, with_margin(known)[0])):
                if np.array_equal(seen, picture):
                    return call, name
        raise AssertionError("an unknown picture")


def pooled(pictures: torch.Tensor) -> torch.Tensor:
    """Stands in for Inception, as when the vectors were made."""
    return F.adaptive_avg_pool2d(pictures, (4, 4)).flatten(1) * 10


@pytest.mark.parametrize("at_once", [1, 4])
def test_the_whole_face_pipeline(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", str(at_once))
    models = RecordedModels()
    vectors = models.vectors
    frames = vectors["frames_bgr"][..., ::-1]
    scores = FaceMetrics(models, network(), pooled).compare(frames, vectors["ref_rgb"], range(6))
    called = [tuple(s) for s in vectors["detector_call_shapes"]]
    assert sorted(models.shapes) == sorted(called)
    assert at_once > 1 or models.shapes == called

    cur, arc, sqdist = vectors[f"per_frame_cos_cur_arc_fid{SUFFIX}"].T
    assert scores["cur_score"] == pytest.approx(float(vectors[f"expected_cur{SUFFIX}"]), abs=1e-5)
    assert scores["arc_score"] == pytest.approx(float(vectors[f"expected_arc{SUFFIX}"]), abs=1e-6)
    published = float(vectors[f"expected_fid{SUFFIX}"])
    assert scores["face_feature_sqdist"] == pytest.approx(published, rel=1e-4)
    assert published == pytest.approx(np.nanmean(sqdist), rel=1e-6)
    # the columns beside the published ones follow from the same cosines
    for name, cosines in (("cur_score", cur), ("arc_score", arc)):
        counted = np.maximum(0, cosines)
        assert scores[f"{name}_worst_frame"] == pytest.approx(np.nanmin(counted), abs=1e-5)
        assert scores[f"{name}_missing_as_zero"] == pytest.approx(np.nansum(counted) / 6, abs=1e-5)
    assert scores["face_rate"] == 5 / 6
    several = sum(int(vectors[f"f{i}_call0_n"]) > 1 for i in range(6)) / 6
    assert scores["multi_face_rate"] == several > 0
    other = "_cv5" if SAME_OPENCV else ""
    assert scores["cur_score"] == pytest.approx(float(vectors[f"expected_cur{other}"]), abs=1e-3)
    assert scores["arc_score"] == pytest.approx(float(vectors[f"expected_arc{other}"]), abs=1e-6)
    crossed = float(vectors[f"expected_fid{other}"])
    assert scores["face_feature_sqdist"] == pytest.approx(crossed, rel=1e-3)


def test_every_frame_of_the_face_pipeline() -> None:
    models = RecordedModels()
    vectors = models.vectors
    anchor = find_face(models, vectors["ref_rgb"])
    assert anchor is not None
    for version in ("", "_cv5"):
        same = version == SUFFIX
        tight, loose = (1e-5, 1e-4) if same else (1e-3, 1e-3)
        assert_pixels(anchor.crop, vectors[f"ref_crop_rgb{version}"], same)
        reference = embed(anchor.crop)
        normed = reference / np.linalg.norm(reference)
        expected = vectors[f"ref_cur_embedding{version}"]
        np.testing.assert_allclose(normed, expected, rtol=0, atol=1e-6 if same else 1e-3)
        features = activation(anchor.crop)
        expected = vectors[f"ref_fid_activation{version}"]
        np.testing.assert_allclose(features, expected, rtol=1e-5 if same else 1e-2)
        for i, (cur, arc, sqdist) in enumerate(vectors[f"per_frame_cos_cur_arc_fid{version}"]):
            face = find_face(models, vectors["frames_bgr"][i][..., ::-1])
            if face is None:
                assert np.isnan([cur, arc, sqdist]).all()
                continue
            if i == 1:
                assert_pixels(face.crop, vectors[f"crop_f1_rgb{version}"], same)
            assert cosine(embed(face.crop), reference) == pytest.approx(cur, abs=tight)
            assert cosine(face.embedding, anchor.embedding) == pytest.approx(arc, abs=1e-6)
            ours = ((activation(face.crop) - features) ** 2).sum()
            assert ours == pytest.approx(sqdist, rel=loose)


def embed(crop: Picture) -> np.ndarray:
    with torch.inference_mode():
        return network()(torch.from_numpy(curricular_input(crop))[None])[0].numpy()


def activation(crop: Picture) -> np.ndarray:
    return pooled(torch.from_numpy(inception_input(crop))[None])[0].double().numpy()

"""The rule-made detector and ArcFace are as large as the published ones, run through the face code, and their time is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from benchmarks.scoring_cost.run import PORTRAIT, work, write_clips
from tpige_kedro.faces.finding import find_face
from tpige_kedro.faces.insightface_models import DETECTOR, RECOGNISER, InsightFaceModels
from tpige_kedro.rehearsal.files import write_files
from tpige_kedro.rehearsal.layouts.buffalo import buffalo_files, detector, recogniser
from tpige_kedro.rehearsal.layouts.onnx_graph import multiplications, parameters


class FacesAlone:
    """A scorer for the worker process: the faces of all frames."""

    def __init__(self, source: str, **_: Any) -> None:
        self._models = InsightFaceModels(source, "cpu")

    def score(self, clip: Any) -> dict[str, float]:
        found = [find_face(self._models, frame) for frame in clip.frames]
        return {"face_rate": float(np.mean([face is not None for face in found]))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("rule_made"), buffalo_files(tiny=False))


@pytest.fixture(scope="module")
def models(folder: Path) -> InsightFaceModels:
    return InsightFaceModels(folder, "cpu")


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_as_large_as_published(folder: Path) -> None:
    """SCRFD-10GF: 4.23 M numbers in 16.9 MB, 10 G at 640 x 480. IResNet-50: 43.6 M in 174.4 MB, 6.3 G."""
    found, known = (onnx.load(folder / weights.file) for weights in (DETECTOR, RECOGNISER))
    assert parameters(found) == pytest.approx(4.23e6, rel=0.001)
    vga = 640 * 480 / 320**2
    assert vga * multiplications(found, (1, 3, 320, 320)) == pytest.approx(10e9, rel=0.005)
    assert (folder / DETECTOR.file).stat().st_size == pytest.approx(16.92e6, rel=0.005)
    assert parameters(known) == pytest.approx(43.59e6, rel=0.001)
    assert multiplications(known, (1, 3, 112, 112)) == pytest.approx(6.31e9, rel=0.005)
    assert (folder / RECOGNISER.file).stat().st_size == pytest.approx(174.38e6, rel=0.005)


def test_the_same_each_time(folder: Path) -> None:
    assert detector().model() == onnx.load(folder / DETECTOR.file)
    assert recogniser().model() == onnx.load(folder / RECOGNISER.file)


@pytest.mark.parametrize("weights", [DETECTOR, RECOGNISER])
def test_no_layer_is_folded_away(folder: Path, tmp_path: Path, weights: Any) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(folder / weights.file, options, providers=["CPUExecutionProvider"])
    written, run = (
        convolutions(onnx.load(file))
        for file in (folder / weights.file, tmp_path / "optimised.onnx")
    )
    assert written == run > 50


def convolutions(model: onnx.ModelProto) -> int:
    """Of all channels at once: onnxruntime turns BatchNorm into one of each channel by itself."""
    nodes = [node for node in model.graph.node if node.op_type.endswith("Conv")]
    groups = [[a.i for a in node.attribute if a.name == "group"] for node in nodes]
    return sum(group in ([], [1]) for group in groups)


@pytest.mark.parametrize(("height", "width"), [(480, 832), (80, 80), (500, 400), (32, 32)])
def test_one_face_in_every_picture(models: InsightFaceModels, height: int, width: int) -> None:
    """Around the anchor that passes; where exactly depends on the pixels, so the layers before it count."""
    faces = [models.detect(noise(height, width, seed)) for seed in (0, 1)]
    (one,), (other,) = faces
    scale = max(height, width) / 320
    expected = scale * np.array([160 - 48, 96 - 48, 160 + 48, 96 + 48])
    for face in (one, other):
        np.testing.assert_allclose(face.box, expected, atol=4 * scale)
        assert (face.landmarks > face.box[:2]).all() and (face.landmarks < face.box[2:]).all()
    assert (one.box != other.box).all() and (one.landmarks != other.landmarks).all()


def test_all_outputs_depend_on_the_picture(folder: Path) -> None:
    session = onnxruntime.InferenceSession(folder / DETECTOR.file)
    assert [output.shape[1] for output in session.get_outputs()] == [1] * 3 + [4] * 3 + [10] * 3
    blob = np.random.default_rng(0).standard_normal((1, 3, 320, 320), np.float32)
    for one, other in zip(*(session.run(None, {"input": x}) for x in (blob, -blob)), strict=True):
        assert (one != other).mean() > 0.99


def test_vectors_are_finite_and_of_the_face(models: InsightFaceModels) -> None:
    one, again, other = (find_face(models, noise(480, 832, seed)) for seed in (0, 0, 1))
    assert one.embedding.shape == (512,) and np.isfinite(one.embedding).all()
    np.testing.assert_array_equal(one.embedding, again.embedding)
    assert np.corrcoef(one.embedding, other.embedding)[0, 1] < 0.99


def test_their_time_is_in_the_split(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    scorer = {
        "type": f"{__name__}.{FacesAlone.__name__}",
        "source": str(folder),
        "licence": "none",
    }
    order = {
        "clips": write_clips(tmp_path, 1, (64, 64, 3)),
        "scorers": {"faces": scorer},
        "prompt": "",
        "reference": str(PORTRAIT),
        "eigendecompositions": False,
    }
    result = work(order)
    seconds = result["seconds"]
    assert result["values"] == {"0": {"face_rate": 1.0}}
    assert min(seconds["networks: face detection"], seconds["networks: ArcFace"]) > 0.001
    assert 0 <= seconds["networks: faces"] < seconds["networks: face detection"], (
        "not counted twice"
    )

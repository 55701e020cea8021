from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tiny_buffalo import CELL, LANDMARKS, detector, projection, red_squares, write_pack
from tpige_kedro.errors import ModelError
from tpige_kedro.faces.alignment import norm_crop
from tpige_kedro.faces.finding import find_face
from tpige_kedro.faces.insightface_models import InsightFaceModels, execution_providers


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InsightFaceModels:
    return InsightFaceModels(write_pack(tmp_path_factory.mktemp("pack")), "cpu")


@pytest.mark.parametrize(("height", "width"), [(320, 320), (640, 640), (160, 320), (100, 100)])
def test_faces_are_looked_for_at_320_pixels(
    models: InsightFaceModels, height: int, width: int
) -> None:
    scale = 320 / max(height, width)
    side = round(CELL / scale)
    picture = red_squares(height, width, [(2, 3)], side)
    (face,) = models.detect(picture[..., ::-1])
    anchor = np.array([3 * CELL, 2 * CELL])
    np.testing.assert_allclose(face.box, np.r_[anchor - CELL, anchor + CELL] / scale, rtol=1e-5)
    expected = (anchor + LANDMARKS * CELL) / scale
    np.testing.assert_allclose(face.landmarks, expected, rtol=1e-5)


def test_pictures_are_bgr(models: InsightFaceModels) -> None:
    assert len(models.detect(red_squares(320, 320, [(2, 3)])[..., ::-1])) == 1
    assert models.detect(red_squares(320, 320, [(2, 3)])) == []


def test_embeddings_are_those_of_the_upright_face(models: InsightFaceModels) -> None:
    picture = np.ascontiguousarray(red_squares(320, 320, [(5, 5)])[..., ::-1])
    (face,) = models.detect(picture)
    crop = norm_crop(picture, face.landmarks, 112)[..., ::-1].astype(np.float32)
    blob = ((crop - 127.5) / 127.5).transpose(2, 0, 1)
    small = blob.reshape(3, 16, 7, 16, 7).mean((2, 4)).ravel()
    np.testing.assert_allclose(models.embed(picture, face), small @ projection(), atol=1e-4)


def test_nothing_deprecated_on_the_way(models: InsightFaceModels) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_face(models, red_squares(200, 300, [(2, 2)], 30)) is not None


def test_a_missing_pack_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"det_10g.onnx.*buffalo_l.zip.*non-commercial") as raised:
        InsightFaceModels(tmp_path / "none")
    assert "w600k_r50.onnx" in str(raised.value)
    write_pack(tmp_path)
    (tmp_path / "buffalo_l" / "w600k_r50.onnx").unlink()
    with pytest.raises(ModelError, match=r"has no buffalo_l/w600k_r50\.onnx;"):
        InsightFaceModels(tmp_path)


def test_damaged_and_exchanged_files_are_refused(tmp_path: Path) -> None:
    pack = write_pack(tmp_path) / "buffalo_l"
    (pack / "w600k_r50.onnx").write_bytes((pack / "det_10g.onnx").read_bytes())
    with pytest.raises(ModelError, match="not a recognition network"):
        InsightFaceModels(tmp_path, "cpu")
    (pack / "det_10g.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"det_10g.onnx cannot be loaded"):
        InsightFaceModels(tmp_path, "cpu")


def rewrite(file: Path, change: Callable[[Any], None]) -> None:
    model = onnx.load(file)
    change(model.graph.initializer)
    onnx.save(model, file)


def largest(tensors: Any) -> Any:
    return max(tensors, key=lambda tensor: numpy_helper.to_array(tensor).size)


def lacks_a_tensor(file: Path) -> None:
    rewrite(file, lambda tensors: tensors.remove(largest(tensors)))


def has_another_shape(file: Path, axis: int = 0) -> None:
    def longer(tensors: Any) -> None:
        values = numpy_helper.to_array(tensor := largest(tensors))
        more = np.concatenate([values, values.take([0], axis)], axis)
        tensor.CopyFrom(numpy_helper.from_array(more, tensor.name))

    rewrite(file, longer)


def gives_one_number_more(file: Path) -> None:
    """A whole network by itself, which another one would have to be: onnxruntime takes it."""
    has_another_shape(file, axis=1)


def is_half_there(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def ends_early(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-4])


@pytest.mark.parametrize("name", ["det_10g.onnx", "w600k_r50.onnx"])
@pytest.mark.parametrize(
    "damage",
    [lacks_a_tensor, has_another_shape, gives_one_number_more, is_half_there, ends_early],
    ids=lambda d: d.__name__,
)
def test_a_network_that_is_not_whole_is_refused(
    tmp_path: Path, damage: Callable[[Path], None], name: str
) -> None:
    """A file of this kind carries its network, so a tensor too many changes nothing: the network has no use for it."""
    file = write_pack(tmp_path) / "buffalo_l" / name
    damage(file)
    with pytest.raises(ModelError, match=rf"{name} .*; get buffalo_l/{name} from https") as raised:
        InsightFaceModels(tmp_path, "cpu")
    assert "\n" not in str(raised.value)


def test_the_processor_where_there_is_no_gpu(caplog: pytest.LogCaptureFixture) -> None:
    assert execution_providers("cpu") == ["CPUExecutionProvider"]
    assert execution_providers(None)[-1] == "CPUExecutionProvider"
    if execution_providers("cuda") == ["CPUExecutionProvider"]:
        assert "onnxruntime-gpu" in caplog.text


def test_the_tiny_detector_has_the_published_layout() -> None:
    assert len(detector().graph.output) == 9

"""Detection and recognition by insightface's pack ``buffalo_l``: SCRFD-10GF and ArcFace ResNet-50."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.errors import ModelError, first_line
from tpige_kedro.faces.alignment import norm_crop
from tpige_kedro.faces.protocol import Face, Picture
from tpige_kedro.weights.published import Weights, require_files

logger = logging.getLogger(__name__)

PACK = "https://github.com/deepinsight/insightface/releases/download/model-zoo/buffalo_l.zip"
NON_COMMERCIAL = "non-commercial research only"
DETECTOR = Weights("buffalo_l/det_10g.onnx", PACK, NON_COMMERCIAL)
RECOGNISER = Weights("buffalo_l/w600k_r50.onnx", PACK, NON_COMMERCIAL)

# insightface 2 looks at two sizes unless told; the paper's evaluation looks at this one
DETECTION_SIZE = (320, 320)
MINIMUM_SCORE = 0.5
ARCFACE_SIDE = 112
# numbers in the last dimension of each output: scores, boxes and landmarks at three strides; a face's vector
WIDTHS = {"detection": [1, 1, 1, 4, 4, 4, 10, 10, 10], "recognition": [512]}


class InsightFaceModels:
    """The two networks of ``buffalo_l`` that count, from the folder that holds the unpacked pack. See :class:`~.protocol.FaceModels`.

    ``device``: ``cuda`` if onnxruntime has it, else the processor.

    Raises:
        ModelError: a file of the pack is missing or damaged, or holds another kind of network.
    """

    def __init__(
        self, source: str | Path, device: str | None = None, revision: str | None = None
    ) -> None:
        folder = require_files(source, (DETECTOR, RECOGNISER), revision)
        providers = execution_providers(device)
        self._detector = load_onnx(folder, DETECTOR, "detection", providers)
        self._detector.prepare(0, input_size=DETECTION_SIZE, det_thresh=MINIMUM_SCORE)
        self._recogniser = load_onnx(folder, RECOGNISER, "recognition", providers)
        check_outputs(self._detector, folder, DETECTOR)
        check_outputs(self._recogniser, folder, RECOGNISER)

    def detect(self, picture: Picture) -> list[Face]:
        """See :class:`~.protocol.FaceModels`."""
        boxes, landmarks = self._detector.detect(picture)
        return [Face(box[:4], points) for box, points in zip(boxes, landmarks, strict=True)]

    def embed(self, picture: Picture, face: Face) -> NDArray[np.float32]:
        """See :class:`~.protocol.FaceModels`."""
        crop = norm_crop(picture, face.landmarks, ARCFACE_SIDE)
        vector: NDArray[np.float32] = self._recogniser.get_feat(crop).ravel()
        return vector


def load_onnx(folder: Path, weights: Weights, task: str, providers: list[str]) -> Any:
    """A network of the pack as insightface's object for ``task``. Raises :class:`ModelError`."""
    from insightface.model_zoo import get_model

    file = folder / weights.file
    try:
        model = get_model(
            str(file),
            providers=providers,
            sess_options=one_thread(),
            static_shape_sessions=False,
        )
    except Exception as error:  # onnxruntime has no common error class
        raise ModelError(
            f"{file} cannot be loaded ({first_line(error)}); {weights.how_to_get(folder)}"
        ) from error
    if getattr(model, "taskname", None) != task or not getattr(model, "use_kps", True):
        raise ModelError(f"{file} is not a {task} network; {weights.how_to_get(folder)}")
    return model


def check_outputs(model: Any, folder: Path, weights: Weights) -> None:
    """Look at a blank picture: a network of other sizes is whole for onnxruntime. Raises :class:`ModelError`."""
    width, height = model.input_size
    blank, file = np.zeros((1, 3, height, width), np.float32), folder / weights.file
    try:
        outputs = model.session.run(model.output_names, {model.input_name: blank})
    except Exception as error:  # onnxruntime has no common error class
        raise ModelError(
            f"{file} cannot be run ({first_line(error)}); {weights.how_to_get(folder)}"
        ) from error
    found, wanted = [output.shape[-1] for output in outputs], WIDTHS[model.taskname]
    if found != wanted:
        raise ModelError(
            f"{file} is another network: its outputs have {found} numbers in place of {wanted}; {weights.how_to_get(folder)}"
        )


def one_thread() -> Any:
    """Session options: one thread a picture. Several pictures at once, each in a thread of its caller, are faster than several threads each."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return options


def execution_providers(device: str | None) -> list[str]:
    """What onnxruntime computes on: the GPU if it is requested or nothing is, and if onnxruntime supports it."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device is not None and device.startswith("cuda") and not cuda:
        logger.warning(
            "device %s: this onnxruntime has no CUDA, faces are detected on the CPU; install onnxruntime-gpu",
            device,
        )
    wanted = device is None or device.startswith("cuda")
    return [*(["CUDAExecutionProvider"] if cuda and wanted else []), "CPUExecutionProvider"]

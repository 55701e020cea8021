"""Two tiny ONNX networks in the layout of insightface's ``buffalo_l``, and pictures that they see faces in.

The detector sees a face wherever a cell of 32x32 pixels of its 320x320 input is red; its box and landmarks lie around the cell's
corner. The recogniser multiplies small averages of the crop with fixed numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tpige_kedro.faces.alignment import TEMPLATE

STRIDES = (8, 16, 32)
CELL = 32
LANDMARKS = ((TEMPLATE - 56) / 40).astype(np.float32)  # around the anchor, in strides


def write_pack(folder: Path) -> Path:
    """``folder`` with ``buffalo_l/det_10g.onnx`` and ``buffalo_l/w600k_r50.onnx``."""
    pack = folder / "buffalo_l"
    pack.mkdir(parents=True, exist_ok=True)
    onnx.save(detector(), pack / "det_10g.onnx")
    onnx.save(recogniser(), pack / "w600k_r50.onnx")
    return folder


def red_squares(
    height: int, width: int, cells: list[tuple[int, int]], side: int = CELL
) -> np.ndarray:
    """A grey RGB picture, red in the ``cells`` (row, column) of ``side`` pixels."""
    picture = np.full((height, width, 3), 90, np.uint8)
    for row, column in cells:
        picture[row * side : (row + 1) * side, column * side : (column + 1) * side] = (255, 0, 40)
    return picture


def constant(name: str, values: object, kind: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, kind), name)


def detector() -> onnx.ModelProto:
    """Nine outputs: scores (n, 1), boxes (n, 4) and landmarks (n, 10) at three strides, two anchors a cell."""
    nodes = [helper.make_node("Gather", ["input", "red"], ["channel"], "gather", axis=1)]
    constants = [
        constant("red", [0], np.int64),  # the blob is RGB
        constant("column", [-1, 1], np.int64),
        constant("row", [1, 4], np.float32),
        constant("box", [[1, 1, 1, 1]]),
        constant("points", LANDMARKS.reshape(1, 10)),
        constant("none", 0.0),
        constant("one", 1.0),
    ]
    for stride in STRIDES:
        shape = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        seen = "channel" if stride == CELL else f"nothing{stride}"
        if stride != CELL:
            nodes.append(helper.make_node("Mul", ["channel", "none"], [seen], f"off{stride}"))
        nodes += [
            helper.make_node("AveragePool", [seen], [f"mean{stride}"], f"pool{stride}", **shape),
            helper.make_node("Reshape", [f"mean{stride}", "column"], [f"a{stride}"], f"flat{stride}"),
            helper.make_node("Mul", [f"a{stride}", "none"], [f"b{stride}"], f"zero{stride}"),
            helper.make_node("Concat", [f"a{stride}", f"b{stride}"], [f"ab{stride}"], f"two{stride}", axis=1),
            helper.make_node("Reshape", [f"ab{stride}", "column"], [f"score_{stride}"], f"list{stride}"),
            helper.make_node("Mul", [f"score_{stride}", "none"], [f"z{stride}"], f"null{stride}"),
            helper.make_node("Add", [f"z{stride}", "one"], [f"ones{stride}"], f"ones{stride}"),
            helper.make_node("MatMul", [f"ones{stride}", "box"], [f"bbox_{stride}"], f"boxes{stride}"),
            helper.make_node("MatMul", [f"ones{stride}", "points"], [f"kps_{stride}"], f"marks{stride}"),
        ]  # fmt: skip
    sizes = {"score": 1, "bbox": 4, "kps": 10}
    outputs = [
        helper.make_tensor_value_info(f"{kind}_{stride}", TensorProto.FLOAT, [f"n{stride}", size])
        for kind, size in sizes.items()
        for stride in STRIDES
    ]
    return model(nodes, [1, 3, "height", "width"], outputs, constants)


def recogniser() -> onnx.ModelProto:
    """(n, 3, 112, 112) to (n, 512)."""
    nodes = [
        helper.make_node("AveragePool", ["input"], ["small"], "pool", kernel_shape=[7, 7], strides=[7, 7]),
        helper.make_node("Flatten", ["small"], ["flat"], "flat"),
        helper.make_node("MatMul", ["flat", "matrix"], ["embedding"], "project"),
    ]  # fmt: skip
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 512])
    return model(nodes, ["n", 3, 112, 112], [output], [constant("matrix", projection())])


def projection() -> np.ndarray:
    """(768, 512)."""
    return np.random.RandomState(0).standard_normal((768, 512)).astype(np.float32) / 28


def model(
    nodes: list[onnx.NodeProto],
    shape: list[int | str],
    outputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "tiny", [image], outputs, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made

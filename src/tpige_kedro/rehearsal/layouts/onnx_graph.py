"""Grows an ONNX graph whose weights are seeded numbers: what rule-made copies of published ONNX files are built with. Needs ``onnx``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8


class Graph:
    """A graph with one input, named ``input``. Every method that adds a node returns the name of its result."""

    def __init__(self, shape: list[int | str], seed: int) -> None:
        self._input = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
        self._outputs: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._random = np.random.default_rng(seed)

    def node(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """A node of a kind; ``name`` names its result."""
        result = name or f"{kind.lower()}{len(self._nodes)}"
        node = helper.make_node(kind, inputs, [result], f"{kind}_{len(self._nodes)}", **attributes)
        self._nodes.append(node)
        return result

    def constant(self, values: object, kind: type = np.float32) -> str:
        """Fixed numbers."""
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def normal(self, *shape: int, std: float) -> str:
        """Normal numbers of a standard deviation."""
        values = self._random.standard_normal(shape, np.float32)
        return self.constant(values * np.float32(std))

    def around_one(self, *shape: int) -> str:
        """Numbers between 0.9 and 1.1."""
        return self.constant(self._random.uniform(0.9, 1.1, shape))

    def conv(
        self,
        x: str,
        channels: tuple[int, int],
        side: int = 3,
        stride: int = 1,
        gain: float = 1.0,
        bias: object = 0.0,
    ) -> str:
        """A padded convolution with a bias, as BatchNorm leaves it when it is folded in; ``gain`` is of the standard deviation."""
        before, after = channels
        weights = self.normal(after, before, side, side, std=gain / math.sqrt(before * side**2))
        shifts = self.constant(np.broadcast_to(np.asarray(bias, np.float32), (after,)))
        frame: dict[str, Any] = {
            "kernel_shape": [side] * 2,
            "strides": [stride] * 2,
            "pads": [side // 2] * 4,
        }
        return self.node("Conv", x, weights, shifts, **frame)

    def batch_norm(self, x: str, channels: int) -> str:
        """A normalisation that changes little."""
        zeros = np.zeros(channels)
        scale, variance = self.around_one(channels), self.around_one(channels)
        shift, mean = self.constant(zeros), self.constant(zeros)
        return self.node("BatchNormalization", x, scale, shift, mean, variance, epsilon=1e-5)

    def output(self, name: str, shape: list[int | str]) -> None:
        """Make a result an output of the graph."""
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def model(self) -> onnx.ModelProto:
        """The graph as an ONNX model."""
        graph = helper.make_graph(
            self._nodes, "rule_made", [self._input], self._outputs, self._constants
        )
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)

    def save(self, file: Path) -> None:
        """Write the model."""
        file.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(self.model(), file)


def parameters(model: onnx.ModelProto) -> int:
    """How many numbers are in the constants of ``model``."""
    return sum(math.prod(constant.dims) for constant in model.graph.initializer)


def multiplications(model: onnx.ModelProto, shape: tuple[int, ...]) -> int:
    """Multiply-accumulates of the convolutions and matrix products for an input of ``shape``."""
    for dimension, size in zip(model.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        dimension.dim_value = size
    graph = onnx.shape_inference.infer_shapes(model).graph
    sizes = {i.name: math.prod(i.dims) for i in graph.initializer}
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in [*graph.value_info, *graph.output]
    }
    return sum(
        sizes[node.input[1]] * math.prod(shapes[node.output[0]][2:])
        for node in graph.node
        if node.op_type in {"Conv", "Gemm"}
    )

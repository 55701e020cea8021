"""insightface's pack ``buffalo_l`` at its full size with seeded weights: the two files that the face code loads, in the published layout.

``det_10g`` is SCRFD-10GF with landmarks (``scrfd_10g_bnkps``: ResNetV1e of basic blocks, PAFPN, a head for each stride), ``w600k_r50`` is IResNet-50.
BatchNorm that follows a convolution is folded into it, as in the published files. Random weights would see a face anywhere or nowhere,
so a few small nodes at the end of the detector let one anchor alone pass; all of its outputs still depend on every layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tpige_kedro.faces.alignment import TEMPLATE
from tpige_kedro.faces.insightface_models import DETECTION_SIZE, DETECTOR, RECOGNISER
from tpige_kedro.rehearsal.files import File

if TYPE_CHECKING:
    from tpige_kedro.rehearsal.layouts.onnx_graph import Graph

STRIDES = (8, 16, 32)
ANCHORS = 2
HEAD_CONVS = 3
EMBEDDING = 512


@dataclass(frozen=True)
class Sizes:
    """Channels and blocks of the stages of both networks, channels of the detector's neck and head; as published by default."""

    stages: tuple[tuple[int, int], ...] = ((56, 3), (88, 4), (88, 2), (224, 3))
    neck: int = 56
    head: int = 80
    recogniser: tuple[tuple[int, int], ...] = ((64, 3), (128, 4), (256, 14), (512, 3))


FULL = Sizes()
TINY = Sizes(((4, 1),) * 4, 4, 4, ((4, 1),) * 4)
BYTES = {DETECTOR: 16_900_000, RECOGNISER: 174_000_000}  # of the published files, about

# where 320 x 184 of the detector's 320 x 320 show a frame of 832 x 480: in its middle; in a square one, above it
ROW, COLUMN = 3, 5  # of the cells of stride 32
REACH = 1.5  # from the anchor to the sides of the box, in strides
STABLE = 0.02  # how far, in strides, random layers move boxes and landmarks
FAINT, SURE = 0.25, 0.6  # scores are at most FAINT, that of the one anchor at least SURE


def buffalo_files(tiny: bool) -> list[File]:
    """``buffalo_l/det_10g.onnx`` and ``buffalo_l/w600k_r50.onnx``."""
    sizes = TINY if tiny else FULL
    size = {weights: 0 if tiny else count for weights, count in BYTES.items()}
    return [
        File(DETECTOR.file, size[DETECTOR], lambda path: detector(sizes).save(path)),
        File(RECOGNISER.file, size[RECOGNISER], lambda path: recogniser(sizes).save(path)),
    ]


def detector(sizes: Sizes = FULL) -> Graph:
    """Scores (n, 1), boxes (n, 4) and landmarks (n, 10) at three strides, in this order; for pictures of 320 x 320 only."""
    from tpige_kedro.rehearsal.layouts.onnx_graph import Graph

    graph = Graph([1, 3, "height", "width"], seed=0)
    levels = neck(graph, backbone(graph, "input", sizes), sizes)
    outputs = [
        head(graph, level, stride, sizes) for level, stride in zip(levels, STRIDES, strict=True)
    ]
    for kind, size in zip(range(3), (1, 4, 10), strict=True):
        for stride, names in zip(STRIDES, outputs, strict=True):
            graph.output(names[kind], [f"n{stride}", size])
    return graph


def backbone(graph: Graph, x: str, sizes: Sizes) -> list[str]:
    """The last three stages of ResNetV1e, with strides 8, 16 and 32."""
    first = sizes.stages[0][0]
    x = relu_conv(graph, x, (3, first // 2), stride=2)
    x = relu_conv(graph, x, (first // 2, first // 2))
    x = relu_conv(graph, x, (first // 2, first))
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    before, stages = first, []
    for index, (channels, blocks) in enumerate(sizes.stages):
        for block in range(blocks):
            stride = 2 if index and not block else 1
            x = basic_block(graph, x, (before, channels), stride)
            before = channels
        stages.append(x)
    return stages[1:]


def relu_conv(graph: Graph, x: str, channels: tuple[int, int], stride: int = 1) -> str:
    """A convolution and its ReLU."""
    return graph.node("Relu", graph.conv(x, channels, stride=stride, gain=2**0.5))


def basic_block(graph: Graph, x: str, channels: tuple[int, int], stride: int) -> str:
    """Of ResNet."""
    inner = relu_conv(graph, x, channels, stride)
    inner = graph.conv(inner, (channels[1], channels[1]), gain=0.5)
    if stride != 1:
        x = graph.node("AveragePool", x, kernel_shape=[stride] * 2, strides=[stride] * 2)
        x = graph.conv(x, channels, side=1)
    return graph.node("Relu", graph.node("Add", inner, x))


def neck(graph: Graph, stages: list[str], sizes: Sizes) -> list[str]:
    """PAFPN: from coarse to fine, and back."""
    width = sizes.neck
    levels = [
        graph.conv(stage, (channels, width), side=1)
        for stage, (channels, _) in zip(stages, sizes.stages[1:], strict=True)
    ]
    for i in (1, 0):
        scales = graph.constant([1, 1, 2, 2])
        twice = graph.node("Resize", levels[i + 1], "", scales, mode="nearest",
                           coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
        levels[i] = graph.node("Add", levels[i], twice)
    levels = [graph.conv(level, (width, width)) for level in levels]
    for i in (0, 1):
        half = graph.conv(levels[i], (width, width), stride=2)
        levels[i + 1] = graph.node("Add", levels[i + 1], half)
    return [levels[0], *(graph.conv(level, (width, width)) for level in levels[1:])]


def head(graph: Graph, x: str, stride: int, sizes: Sizes) -> tuple[str, str, str]:
    """The names of score, box and landmarks of a stride."""
    for i in range(HEAD_CONVS):
        x = relu_conv(graph, x, (sizes.head if i else sizes.neck, sizes.head))
    marks = ((TEMPLATE - 56) / 40).ravel()
    score = graph.conv(x, (sizes.head, ANCHORS))
    box = graph.conv(x, (sizes.head, ANCHORS * 4), gain=STABLE, bias=REACH)
    box = graph.node("Mul", box, graph.constant(1.0))
    points = graph.conv(x, (sizes.head, ANCHORS * 10), gain=STABLE, bias=np.tile(marks, ANCHORS))
    return (
        one_anchor(graph, graph.node("Sigmoid", listed(graph, score, 1)), stride),
        listed(graph, box, 4, f"bbox_{stride}"),
        listed(graph, points, 10, f"kps_{stride}"),
    )


def listed(graph: Graph, x: str, size: int, name: str | None = None) -> str:
    """A row for each anchor."""
    last = graph.node("Transpose", x, perm=[0, 2, 3, 1])
    return graph.node("Reshape", last, graph.constant([-1, size], np.int64), name=name)


def one_anchor(graph: Graph, scores: str, stride: int) -> str:
    """Scores too low for a face, but for one anchor of the last stride."""
    faint = graph.node("Mul", scores, graph.constant(FAINT))
    rows, columns = (side // stride for side in DETECTION_SIZE)
    raised = np.zeros((rows, columns, ANCHORS))
    if stride == STRIDES[-1]:
        raised[ROW, COLUMN, 0] = SURE
    return graph.node("Add", faint, graph.constant(raised.reshape(-1, 1)), name=f"score_{stride}")


def recogniser(sizes: Sizes = FULL) -> Graph:
    """Faces (n, 3, 112, 112) to vectors (n, 512)."""
    from tpige_kedro.rehearsal.layouts.onnx_graph import Graph

    graph = Graph(["n", 3, 112, 112], seed=1)
    before = sizes.recogniser[0][0]
    x = prelu(graph, graph.conv("input", (3, before)), before)
    for channels, blocks in sizes.recogniser:
        for block in range(blocks):
            x = residual_block(graph, x, (before, channels), 1 if block else 2)
            before = channels
    flat = graph.node("Flatten", graph.batch_norm(x, before))
    size = before * 7 * 7
    matrix = graph.normal(EMBEDDING, size, std=size**-0.5)
    shifts = graph.constant(np.zeros(EMBEDDING))
    x = graph.node("Gemm", flat, matrix, shifts, transB=1)
    graph.output(graph.batch_norm(x, EMBEDDING), ["n", EMBEDDING])
    return graph


def residual_block(graph: Graph, x: str, channels: tuple[int, int], stride: int) -> str:
    """Of IResNet: BatchNorm before a padded convolution cannot be folded."""
    before, after = channels
    inner = graph.conv(graph.batch_norm(x, before), channels)
    inner = graph.conv(prelu(graph, inner, after), (after, after), stride=stride, gain=0.5)
    shortcut = x if stride == 1 else graph.conv(x, channels, side=1, stride=stride)
    return graph.node("Add", inner, shortcut)


def prelu(graph: Graph, x: str, channels: int) -> str:
    """A PReLU of slope 1/4."""
    return graph.node("PRelu", x, graph.constant(np.full((channels, 1, 1), 0.25)))

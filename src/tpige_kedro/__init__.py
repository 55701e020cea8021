"""TPIGE: training-free prompt, image and guidance enhancement for identity-preserving video, as a Kedro project.

The names below are stable and can be imported from here; what they need is imported when they are first used (docs/library.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tpige_kedro.datasets.mp4 import Clip, Mp4Dataset
    from tpige_kedro.guidance.id_aware import IdAwareGuidance
    from tpige_kedro.image_editors.protocol import EditRequest, ImageEditor
    from tpige_kedro.metrics.motion_amount import MotionAmountScorer
    from tpige_kedro.metrics.protocol import MetricSpec, Missing, ScoredClip, Scorer
    from tpige_kedro.pipelines.moe_selection.nodes import (
        compare_variants,
        select_experts,
        summarise_variants,
    )
    from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
    from tpige_kedro.schemas import Guidance, Moe, Scoring
    from tpige_kedro.video_generators.phantom import Phantom
    from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip, VideoGenerator
    from tpige_kedro.video_generators.wan_vace import WanVace
    from tpige_kedro.vision_language.protocol import VisionLanguageModel

HOMES = {  # where each name lives
    "Attribute": "prompts.attributes",
    "Clip": "datasets.mp4",
    "ClipRequest": "video_generators.protocol",
    "EditRequest": "image_editors.protocol",
    "FaceAttributes": "prompts.attributes",
    "GeneratedClip": "video_generators.protocol",
    "Guidance": "schemas",
    "IdAwareGuidance": "guidance.id_aware",
    "ImageEditor": "image_editors.protocol",
    "MetricSpec": "metrics.protocol",
    "Missing": "metrics.protocol",
    "Moe": "schemas",
    "MotionAmountScorer": "metrics.motion_amount",
    "Mp4Dataset": "datasets.mp4",
    "Phantom": "video_generators.phantom",
    "ScoredClip": "metrics.protocol",
    "Scorer": "metrics.protocol",
    "Scoring": "schemas",
    "VideoGenerator": "video_generators.protocol",
    "VisionLanguageModel": "vision_language.protocol",
    "WanVace": "video_generators.wan_vace",
    "compare_variants": "pipelines.moe_selection.nodes",
    "select_experts": "pipelines.moe_selection.nodes",
    "summarise_variants": "pipelines.moe_selection.nodes",
}

__all__ = [
    "Attribute",
    "Clip",
    "ClipRequest",
    "EditRequest",
    "FaceAttributes",
    "GeneratedClip",
    "Guidance",
    "IdAwareGuidance",
    "ImageEditor",
    "MetricSpec",
    "Missing",
    "Moe",
    "MotionAmountScorer",
    "Mp4Dataset",
    "Phantom",
    "ScoredClip",
    "Scorer",
    "Scoring",
    "VideoGenerator",
    "VisionLanguageModel",
    "WanVace",
    "__version__",
    "compare_variants",
    "select_experts",
    "summarise_variants",
]


def __getattr__(name: str) -> Any:
    """One of the stable names, imported now."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    """What is there, with what is not imported yet."""
    return sorted({*globals(), *__all__})

"""What a clip's record says of its making."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from tpige_kedro.models import describe_model
from tpige_kedro.provenance import record_entry
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.video_generators.protocol import Frames, GeneratedClip

SEEN = (
    "variant",
    "sample_id",
    "prompt",
    "prompt_source",
    "reference",
    "reference_source",
    "reference_hash",
    "seed",
)


def clip_details(
    row: Mapping[str, Any], clip: GeneratedClip, variant: Variant, model: ModelSpec
) -> dict[str, Any]:
    """Everything that made a clip, and a hash of its frames before compression; ``row`` is that of the plan.

    A generator that makes several clips together says in its details how many ``seconds`` one of them took.
    """
    details = dict(clip.details)
    measured = {"seconds": details.pop("seconds")} if "seconds" in details else {}
    count, height, width, _ = clip.frames.shape
    return {
        **{name: row[name] for name in SEEN},
        **record_entry(),
        "maker": describe_model(variant.generator, model),
        "guidance": variant.guidance.model_dump(mode="json"),
        "frames": count,
        "height": height,
        "width": width,
        "fps": clip.fps,
        "frames_hash": frames_hash(clip.frames),
        "generator": details,
        **measured,
    }


def frames_hash(frames: Frames) -> str:
    """A hash of all pixels and their shape."""
    digest = hashlib.sha256(str(frames.shape).encode())
    digest.update(frames.tobytes())
    return digest.hexdigest()

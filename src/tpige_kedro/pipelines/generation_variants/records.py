"""What a clip's record says of its making."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tpige_kedro.further import COLUMNS, unpacked
from tpige_kedro.models import describe_model
from tpige_kedro.provenance import record_entry
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.video_generators.protocol import GeneratedClip

SEEN = (
    "variant",
    "sample_id",
    "prompt",
    "prompt_source",
    "reference",
    "reference_source",
    "reference_hash",
    "noise",
    "seed",
)


def clip_details(
    row: Mapping[str, Any],
    clip: GeneratedClip,
    frames_hash: str,
    variant: Variant,
    model: ModelSpec,
) -> dict[str, Any]:
    """Everything that made a clip; ``row`` is that of the plan, ``frames_hash`` is of the frames before compression.

    A generator that makes several clips together says in its details how many ``seconds`` one of them took.
    """
    details = dict(clip.details)
    measured = {"seconds": details.pop("seconds")} if "seconds" in details else {}
    count, height, width, _ = clip.shape
    return {
        **{name: row[name] for name in SEEN},
        **{name: unpacked(row[name]) for name in COLUMNS if row.get(name)},
        **record_entry(),
        "maker": describe_model(variant.generator, model),
        "guidance": variant.guidance.model_dump(mode="json"),
        "frames": count,
        "height": height,
        "width": width,
        "fps": clip.fps,
        "frames_hash": frames_hash,
        "generator": details,
        **measured,
    }

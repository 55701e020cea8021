"""What the record of a Wan clip keeps of its making."""

from __future__ import annotations

from typing import Any

from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.block_cache import BlockCache
from tpige_kedro.video_generators.wan_options import WanOptions

KEPT_OPTIONS = {
    "height",
    "width",
    "num_frames",
    "steps",
    "sampler",
    "sigmas",
    "letterbox",
    "frame_rounding",
    "noise_device",
    "fp8_storage",
    "vae_dtype",
    "vae_tiling",
    "compile_vae",
    "vae_convolutions",
}


def reused_forwards(cache: BlockCache | None) -> dict[str, Any]:
    """How many of the forwards of each branch took what the blocks had added before; nothing without a cache."""
    if cache is None:
        return {}
    counts = {name.removeprefix("pred_"): count for name, count in cache.reused.items()}
    return {"cache": cache.settings.model_dump(mode="json"), "reused_forwards": counts}


def clip_details(
    options: WanOptions, guidance: Guidance, guider: IdAwareGuidance, **more: Any
) -> dict[str, Any]:
    """Settings that decide the pixels, and how often each branch ran, in JSON types."""
    return {
        **options.model_dump(mode="json", include=KEPT_OPTIONS),
        **more,
        "guidance": guidance.model_dump(mode="json"),
        "forwards": {name.removeprefix("pred_"): count for name, count in guider.forwards.items()},
    }

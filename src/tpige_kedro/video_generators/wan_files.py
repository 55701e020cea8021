"""What a Wan model needs from the places that its entry in conf names; plain values, which the checks before a run read from the source."""

from __future__ import annotations

from typing import ClassVar


class WanFiles:
    """Declared once for all classes that run a model of Wan."""

    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "source with weights": ("{weights}",),
        "source with base": ("transformer/*",),
        "source": (
            "model_index.json",
            "transformer/*",
            "vae/*",
            "text_encoder/*",
            "tokenizer/*",
            "scheduler/*",
        ),
        "base": (
            "transformer/config.json",
            "vae/*",
            "text_encoder/*",
            "tokenizer/*",
            "scheduler/*",
        ),
    }
    weight_options: ClassVar[dict[str, str | None]] = {"base": None}
    weight_lists: ClassVar[tuple[str, ...]] = ("loras",)

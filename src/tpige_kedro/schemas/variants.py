"""The rows of the ablation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tpige_kedro.schemas.base import Name, Noise, Settings
from tpige_kedro.schemas.guidance import Guidance


class SweepPoint(Settings):
    """Which point of a sweep a variant is: the name of the swept variant, and the value of each key of its guidance that is swept."""

    name: Name
    values: Annotated[dict[str, Any], Field(min_length=1)]


class Variant(Settings):
    """One row of the ablation: a generator, which prompt, which reference, and the guidance.

    ``draw`` numbers further draws of the same variant: other noise, everything else equal. ``noise`` says whether the variant starts from the
    noise that a sample's variants share, or from its own (None: what ``moe.noise`` says for all).
    """

    generator: Name
    prompt: Literal["original", "enhanced"] = "original"
    reference: Literal["original", "enhanced"] = "original"
    guidance: Guidance = Guidance()
    draw: Annotated[int, Field(ge=0)] = 0
    noise: Noise | None = None
    skipped: str = ""  # why this run does not make it; filled in by the checks before the run
    sweep: SweepPoint | None = None  # filled in for each point of a sweep

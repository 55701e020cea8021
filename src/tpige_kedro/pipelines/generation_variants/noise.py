"""Whether a clip starts from noise that a sample's variants share, or from the variant's own."""

from __future__ import annotations

from tpige_kedro.models import declared
from tpige_kedro.schemas import ModelSpec, Noise, Variant


def noise_of(variant: Variant, model: ModelSpec) -> Noise:
    """Whether a variant starts from shared noise or its own; a service that takes no seed keeps the shared one, which it never sees.

    So ``moe.noise`` makes no paid clip again.
    """
    own = variant.noise == "own" and declared(model.type, "takes_seed", True)
    return "own" if own else "shared"

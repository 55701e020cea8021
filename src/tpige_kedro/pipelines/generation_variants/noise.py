"""The noise from which a clip starts: shared by a sample's variants, or the variant's own."""

from __future__ import annotations

from tpige_kedro.models import declared
from tpige_kedro.schemas import ModelSpec, Noise, Variant
from tpige_kedro.seeds import derive_seed


def noise_of(variant: Variant, model: ModelSpec) -> Noise:
    """Whether a variant starts from shared noise or its own; a service that takes no seed keeps the shared one, which it never sees.

    So ``moe.noise`` makes no paid clip again.
    """
    own = variant.noise == "own" and declared(model.type, "takes_seed", True)
    return "own" if own else "shared"


def noise_seed(seed: int, sample: str, draw: int, own: str = "") -> int:
    """The seed of a sample's noise: that of the variant ``own``, else the one that all variants share; further draws have other ones.

    >>> noise_seed(0, "ada_chef", 0) == derive_seed(0, "ada_chef")
    True
    >>> noise_seed(0, "ada_chef", 0, "vace") == noise_seed(0, "ada_chef", 0, "vace_pe")
    False
    """
    of_variant = ("variant", own) if own else ()
    of_draw = ("draw", draw) if draw else ()
    return derive_seed(seed, sample, *of_variant, *of_draw)

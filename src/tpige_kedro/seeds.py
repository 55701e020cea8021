"""Seeds of single items, derived so that neither their order nor their number matters."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """A seed in [0, 2^63) from the run's seed and the names of an item, e.g. its sample.

    >>> derive_seed(0, "ada_chef") == derive_seed(0, "ada_chef", "draw", 1)
    False
    """
    text = "\x1f".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


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

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

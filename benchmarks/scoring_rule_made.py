"""Rule-made weights for the photographic scorers: the published layouts at their full size, filled with seeded numbers.

How fast a network runs does not depend on what is in it, so the scorers themselves are the product's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def write_weights(folder: Path) -> None:
    """The checkpoints under their published names."""
    from rule_made_buffalo import write_buffalo
    from tpige_kedro.networks.amt_s.network import AMT_S, AmtS
    from tpige_kedro.networks.inception_v3 import INCEPTION_V3, InceptionV3
    from tpige_kedro.networks.ir101 import CURRICULAR_FACE, IR101
    from tpige_kedro.networks.musiq.network import MUSIQ_SPAQ, Musiq

    write_buffalo(folder)
    networks = (
        (IR101, CURRICULAR_FACE),
        (InceptionV3, INCEPTION_V3),
        (AmtS, AMT_S),
        (Musiq, MUSIQ_SPAQ),
    )
    for build, weights in networks:
        if not (folder / weights.file).exists():
            torch.manual_seed(0)
            torch.save(build().state_dict(), folder / weights.file)


def rule_made(spec: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The entry of a photographic scorer with the weights of ``folder``."""
    return {**spec, "source": str(folder), "revision": None}

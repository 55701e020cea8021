"""Hailuo (MiniMax), the closed service among the paper's experts."""

from __future__ import annotations

import os

from tpige_kedro.errors import ModelError

KEY = "MINIMAX_API_KEY"


class Hailuo:
    """Refuses to be built: without a key it says what to set, with one that this version has no client for the service."""

    def __init__(self) -> None:
        if not os.environ.get(KEY):
            raise ModelError(
                f"hailuo: no key; set the environment variable {KEY}, or leave the variants that use hailuo out"
            )
        raise ModelError(
            f"hailuo: {KEY} is set, but the client of the service is not part of this version; "
            "leave the variants that use hailuo out"
        )

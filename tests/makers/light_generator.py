"""A generator without a network, for the processes of several GPUs: its frames tell what it was built with and asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip


class LightGenerator:
    version: ClassVar[int] = 1

    def __init__(self, **options: Any) -> None:
        self.options = {k: v for k, v in options.items() if k != "source"}

    def generate(
        self, requests: Sequence[ClipRequest], guidance: Guidance
    ) -> Iterator[tuple[ClipRequest, GeneratedClip]]:
        for request in reversed(requests):
            seen = f"{request.prompt}|{request.seed}|{guidance.identity_weight}"
            draw = np.random.RandomState(zlib.crc32(seen.encode()))
            frames = draw.randint(0, 256, (3, 16, 16, 3)).astype(np.uint8)
            yield request, GeneratedClip(frames, 8, {"options": self.options})

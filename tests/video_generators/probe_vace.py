"""VACE whose record holds the clip before rounding and what the ranks did, and whose rank 1 can be made to fail: for tests with several processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan_vace import WanVace


class ProbeVace(WanVace):
    decoded: np.ndarray

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tokens: list[int] = []  # that each call of a block saw on this rank
        self.transformer.blocks[1].register_forward_pre_hook(
            lambda _, inputs: self.tokens.append(inputs[0].shape[1])
        )

    def latents(self, requests: Sequence[ClipRequest], *rest: Any) -> torch.Tensor:
        trouble = requests[0].sample_id if dist.is_initialized() and dist.get_rank() == 1 else ""
        if trouble == "dies":
            os._exit(3)
        if trouble == "too large":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        self.tokens.clear()
        latents = super().latents(requests, *rest)
        self.decoded = self.videos(latents)
        return latents

    def details(self) -> dict[str, Any]:
        return {**super().details(), "videos": self.decoded.tolist(), "tokens": list(self.tokens)}

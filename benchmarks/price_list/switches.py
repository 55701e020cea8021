"""Switches that the product does not have in this form: attention in 8 bits by simulation, and a cache that decides for each clip of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from tpige_kedro.guidance.skipping import PassThrough
from tpige_kedro.video_generators.block_cache import BlockCache, Kept
from tpige_kedro.video_generators.flash_3 import FP8, per_head
from tpige_kedro.video_generators.wan_options import Cache

LARGEST_SHARE = 256.0  # what the kernel stores for the largest weight of a row of attention


@cache
def fp8_attention_backend() -> Any:
    """The name under which diffusers' dispatch finds :func:`in_fp8`; adds it there (see :mod:`tpige_kedro.video_generators.flash_3`)."""
    from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry

    name = str.__new__(AttentionBackendName, "simulated_fp8")
    name._name_ = name._value_ = "simulated_fp8"
    _AttentionBackendRegistry.register(name)(in_fp8)
    return name


def simulate_fp8_attention(transformer: Any) -> None:
    """Let all attentions of ``transformer`` round as FlashAttention 3 does in 8 bits."""
    for module in transformer.modules():
        processor = getattr(module, "processor", None)
        if hasattr(processor, "_attention_backend"):
            processor._attention_backend = fp8_attention_backend()


def in_fp8(query: Tensor, key: Tensor, value: Tensor, scale: float | None = None) -> Tensor:
    """Attention (B, L, H, D) whose two products have factors in e4m3: query, key and value with a scale per head, and the weights of attention."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    q, k, v = map(rounded, (query, key, value))
    logits = torch.einsum("blhd,bmhd->bhlm", q, k) * scale
    weights = (logits - logits.amax(-1, keepdim=True)).exp()
    total = weights.sum(-1, keepdim=True)
    stored = (weights * LARGEST_SHARE).to(FP8).float() / LARGEST_SHARE
    return torch.einsum("bhlm,bmhd->blhd", stored / total, v).to(query.dtype)


def rounded(heads: Tensor) -> Tensor:
    """Heads (B, L, H, D), float32, that e4m3 and a scale per head can hold."""
    values, scale = per_head(heads)
    return values.float() * scale[:, None, :, None]


class ClipByClip(BlockCache):
    """The product's cache as each clip of a batch alone would have it: full-size clips are made one at a time.

    All clips of a batch are computed; those that would have been reused take what was kept. ``reused`` counts clips.
    """

    def call(self, branch: str, blocks: Any) -> Any:
        return _Call(self, branch, blocks)

    def alike(self, branch: str, first: Tensor) -> Tensor:
        """Which clips (B, 1, 1) may reuse their last computed step."""
        kept = self.kept.get(branch)
        if not self._allowed or kept is None:
            return torch.zeros(len(first), 1, 1, dtype=torch.bool, device=first.device)
        change = (first - kept.first).abs().mean((1, 2)) / kept.first.abs().mean((1, 2))
        return (change < self.settings.threshold)[:, None, None]


class _Call:
    """One forward of a batch."""

    def __init__(self, cache: ClipByClip, branch: str, blocks: Any) -> None:
        self.cache, self.branch = cache, branch
        computed = [i for i, block in enumerate(blocks) if not isinstance(block, PassThrough)]
        self.first, self.last = computed[0], len(blocks) - 1
        self.reuses: Any = None
        self.of_first: Any = None
        self.rest: Any = 0.0

    def run(self, index: int, block: nn.Module, hidden: Tensor, *args: Any, **named: Any) -> Tensor:
        out: Tensor = block(hidden, *args, **named)
        if index < self.first:
            return out
        if index == self.first:
            self.of_first = out - hidden
            self.reuses = self.cache.alike(self.branch, self.of_first)
            self.cache.reused[self.branch] += int(self.reuses.sum())
            return out
        self.rest = self.rest + (out - hidden).float()
        return (
            self._end(hidden, out) if index == self.last else torch.where(self.reuses, hidden, out)
        )

    def _end(self, hidden: Tensor, out: Tensor) -> Tensor:
        """After the last block: keep what was computed, add again what was kept."""
        new = Kept(self.of_first, self.rest.to(out.dtype))
        old = self.cache.kept.get(self.branch, new)
        rest = torch.where(self.reuses, old.rest, new.rest)
        self.cache.kept[self.branch] = Kept(torch.where(self.reuses, old.first, new.first), rest)
        return torch.where(self.reuses, hidden + rest, out)


@dataclass
class Counts:
    """What the batches of a row did: their guiders and their caches."""

    guiders: list[Any] = field(default_factory=list)
    caches: list[ClipByClip] = field(default_factory=list)

    def forwards(self) -> dict[str, int]:
        """Forwards of a clip by branch, reused ones counted in; equal for all clips."""
        each = {tuple(sorted(guider.forwards.items())) for guider in self.guiders}
        if len(each) != 1:
            raise RuntimeError(f"batches of one row differ in their forwards: {each}")
        return dict(each.pop())

    def reused(self, clips: int) -> dict[str, float]:
        """Of these, how many were reused, mean over the clips."""
        total: Counter[str] = Counter()
        for each in self.caches:
            total.update(each.reused)
        return {branch: count / clips for branch, count in total.items()}


@contextmanager
def counted(generator: Any) -> Iterator[Counts]:
    """Count what ``generator`` does inside; its cache decides for each clip."""
    counts, guider = Counts(), generator.guider

    def watched(guidance: Any) -> Any:
        counts.guiders.append(guider(guidance))
        return counts.guiders[-1]

    def clip_by_clip(settings: Cache) -> ClipByClip:
        counts.caches.append(ClipByClip(settings))
        return counts.caches[-1]

    where = "tpige_kedro.video_generators.wan.BlockCache"
    with patch.object(generator, "guider", watched), patch(where, clip_by_clip):
        yield counts

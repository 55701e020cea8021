"""Reuses what the blocks added in an earlier step while the first block says that little has changed (first-block cache).

A step computes the first block always. If what that block adds differs from what it added in the last computed step by less than the
threshold, the sum of what the other blocks added then is added again, and they do not run. VACE's hints are added outside the blocks; they
are computed and added in every step, so that they are neither kept nor counted twice (diffusers' own cache does both).
Each branch of the guidance keeps a state of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tpige_kedro.guidance.skipping import PassThrough
from tpige_kedro.video_generators.wan_options import Cache


@dataclass
class Kept:
    """Of the last step in which a branch was computed: what its first block added, and what all later ones added together."""

    first: Tensor
    rest: Tensor


class BlockCache:
    """The states of all branches of one run of the sampler, and how often each was reused."""

    def __init__(self, settings: Cache) -> None:
        self.settings = settings
        self.reused: Counter[str] = Counter()
        self.kept: dict[str, Kept] = {}
        self._allowed = False

    def enter_step(self, step: int, steps: int) -> None:
        """Say which of how many steps comes next, the first one 0. The first and the last steps are always computed."""
        if step == 0:
            self.kept.clear()
        settings = self.settings
        self._allowed = settings.first_steps <= step < steps - settings.last_steps

    @contextmanager
    def around(self, transformer: nn.Module, branch: str) -> Iterator[None]:
        """Run the body, one forward of ``transformer`` for ``branch``, with its blocks watched; they are restored whatever happens."""
        blocks: Any = transformer.blocks
        call = self.call(branch, blocks)
        transformer.blocks = nn.ModuleList(
            [_Watched(call, index, block) for index, block in enumerate(blocks)]
        )
        try:
            yield
        finally:
            transformer.blocks = blocks

    def call(self, branch: str, blocks: Any) -> Any:
        """One forward of ``branch``: its ``run`` is called in place of each block, in their order."""
        return _Call(self, branch, blocks)

    def is_alike(self, branch: str, first: Tensor) -> bool:
        """Whether ``branch`` may reuse its last computed step, given what its first block adds now."""
        kept = self.kept.get(branch)
        if not self._allowed or kept is None or kept.first.shape != first.shape:
            return False
        change = (first - kept.first).abs().mean() / kept.first.abs().mean()
        return float(change) < self.settings.threshold


class _Call:
    """One forward: decides at the first block that is not left out, adds up or adds again at the others."""

    def __init__(self, cache: BlockCache, branch: str, blocks: Any) -> None:
        self.cache, self.branch = cache, branch
        computed = [i for i, block in enumerate(blocks) if not isinstance(block, PassThrough)]
        self.first, self.last = computed[0], len(blocks) - 1
        self.reuses = False
        self.of_first: Any = None
        self.rest: Any = None

    def run(self, index: int, block: nn.Module, hidden: Tensor, *args: Any, **named: Any) -> Tensor:
        if index > self.first and self.reuses:
            return hidden + self.rest if index == self.last else hidden
        out: Tensor = block(hidden, *args, **named)
        if index == self.first:
            self._decide(out - hidden)
        elif index > self.first:
            added = out - hidden
            self.rest = added.float() if self.rest is None else self.rest.add_(added)
            if index == self.last:
                self.cache.kept[self.branch] = Kept(self.of_first, self.rest.to(out.dtype))
        return out

    def _decide(self, added: Tensor) -> None:
        self.of_first = added
        self.reuses = self.cache.is_alike(self.branch, added)
        if self.reuses:
            self.cache.reused[self.branch] += 1
            self.rest = self.cache.kept[self.branch].rest


class _Watched(nn.Module):
    def __init__(self, call: _Call, index: int, block: nn.Module) -> None:
        super().__init__()
        self._call, self._index, self.block = call, index, block

    def forward(self, hidden_states: torch.Tensor, *args: Any, **named: Any) -> torch.Tensor:
        return self._call.run(self._index, self.block, hidden_states, *args, **named)

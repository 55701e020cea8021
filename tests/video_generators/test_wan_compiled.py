"""The option ``compile``: each geometry is compiled once, whatever the guidance does, and the clip is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_wan import OPTIONS
from torch._dynamo.utils import counters
from vace_runs import GUIDED, PLAIN, one, request

from tpige_kedro.video_generators.wan_vace import WanVace

COMPILE = torch.nn.Module.compile


def test_compiled_blocks_make_the_same_clip_and_are_compiled_once(
    vace_folder: Path, generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_inductor(module: torch.nn.Module, **options: Any) -> None:
        COMPILE(module, backend="eager", **options)

    monkeypatch.setattr(torch.nn.Module, "compile", without_inductor)
    torch.compiler.reset()
    counters.clear()
    compiled = WanVace(str(vace_folder), **OPTIONS, compile=True)
    t2v = GUIDED.model_copy(update={"weak_branch": "t2v"})
    seen = []
    for guidance in (PLAIN, GUIDED, t2v, GUIDED, t2v, PLAIN):
        frames = one(compiled, request(), guidance).frames
        seen.append(counters["stats"]["unique_graphs"])
        assert np.array_equal(frames, one(generator, request(), guidance).frames)
    # the block, the first VACE block and the others; then the block of the plain twin, one frame shorter
    assert seen == [3, 3, 4, 4, 4, 4]

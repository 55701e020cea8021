"""The benchmark of several GPUs runs whole on two processes of the processor, and its ways to split make the clip of one."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest
from torch import multiprocessing

from benchmarks.guidance_cost import several_gpus
from warm import WARM


def test_every_split_moves_the_latents_as_one_gpu_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = "several_gpus.py --models tiny --device cpu --commit abc1234 --out"
    monkeypatch.setattr(sys, "argv", [*arguments.split(), str(tmp_path)])
    warm = partial(multiprocessing.start_processes, start_method=WARM.get_start_method())
    monkeypatch.setattr(multiprocessing, "spawn", warm)
    several_gpus.main()
    lines = (tmp_path / "several_gpus.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(r["split"], r["gpus"], r["label"]) for r in rows] == [
        (split, gpus, label)
        for split, gpus in (("none", 1), ("branches", 2), ("context", 2))
        for label in several_gpus.KINDS
    ]
    assert all(len(r["seconds"]) == several_gpus.STEPS for r in rows)
    assert all(r["off"] < 1e-4 for r in rows)
    assert {r["commit"] for r in rows} == {"abc1234"}

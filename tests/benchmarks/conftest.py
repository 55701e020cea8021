"""The evidence of a made-up ablation, written once for all tests of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic_clips as world

import benchmarks.evidence.run as evidence


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything the command writes for two training seeds, one main row and one row of a sweep missing."""

    folder = tmp_path_factory.mktemp("evidence")
    for seed in world.SEEDS:
        clips = world.clips([seed], world.ALL_SAMPLES, world.FIRST, without=world.MISSING)
        clips.to_parquet(folder / f"clips_seed{seed}.parquet")
    (folder / "run_seed0.json").write_text('{"seconds": {"vace": 10}, "clips": {"vace": 200}}')
    evidence.write(folder, folder)
    return folder

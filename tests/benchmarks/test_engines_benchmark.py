"""What the benchmark of engines makes and scores, with the mini models and workers in this process."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scale import engines
from tpige_kedro.execution.engines.in_process import InProcessCrew
from tpige_kedro.execution.engines.pool import Pool


def options(**changes: Any) -> argparse.Namespace:
    given = {"kill": False, "env": "test", "cpu": True, "clips": 4, **changes}
    return argparse.Namespace(**given)


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "pool_of", lambda workers, _: Pool(InProcessCrew(workers)))


def test_an_overhead_is_measured() -> None:
    rows = list(engines.overhead(2, 10, 0.001, options()))
    assert [row["clips"] for row in rows] == [4, 5, 5]
    assert all(row["failed"] == 0 and row["ms_per_clip"] > 0 for row in rows)


def test_clips_are_made_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "MINI", {"vace": engines.MINI["vace"]})
    chosen = {"generator": "mini_vace", "scorers": "mini_motion,mini_imaging"}
    asked = options(**chosen, steps=1, scratch=tmp_path, clips=1)
    rows = list(engines.rows_of(engines.Setting.of(asked), 1, asked))
    assert [row["stage"] for row in rows] == ["generation", "scoring"]
    assert all((row["clips"], row["failed"]) == (1, 0) and row["per_hour"] > 0 for row in rows)

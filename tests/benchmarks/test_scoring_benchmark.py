"""The benchmark of the scoring runs, scores the same in both ways, and its split adds up; how fast it is, is no test."""

from __future__ import annotations

from pathlib import Path

import pytest

import benchmarks.scoring_cost.worker as scoring_worker
from benchmarks.scoring_cost.run import families, measure, per_clip, report, scorers_of, write_clips


def test_both_ways_on_the_same_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorers = scorers_of("local", tmp_path)
    one = {"mini_imaging": scorers["mini_imaging"]}
    clips = write_clips(tmp_path, 2, (32, 32, 3))
    result = measure(clips, one, authors_clips=1)
    for way in ("ours", "authors"):
        split = {cause: s for cause, s in result[way].items() if cause != "wall"}
        assert sum(split.values()) == pytest.approx(result[way]["wall"])
        assert {"start-up", "weights", "decode", "networks: mini_imaging"} <= set(split)
    assert "eigendecomposition" not in result["ours"], "and here no face script ran"
    assert len(result["resident_mib"]) == 2 and "clips per minute" in report(result)


def test_the_authors_start_two_scripts_and_one_has_the_fid() -> None:
    scorers = {key: {} for key in ("photo_face", "photo_motion", "photo_imaging")}
    (faces, with_fid), (others, without) = families(scorers)
    assert list(faces) == ["photo_face"] and with_fid
    assert list(others) == ["photo_motion", "photo_imaging"] and not without


def test_seconds_are_per_clip() -> None:
    workers = [{"wall": 4.0, "seconds": {"decode": 1.0}}, {"wall": 2.0, "seconds": {"decode": 2.0}}]
    assert per_clip(workers, 2) == {"decode": 1.5, "other": 1.5, "wall": 3.0}


def test_the_square_root_is_of_a_matrix_of_zeros() -> None:
    """Two equal rows have no covariance: what the authors' code spends a second on is nothing."""
    import torch

    row = torch.rand(1, 5).repeat(2, 1)
    assert torch.cov(row.T).abs().max() == 0
    assert scoring_worker.FEATURES == 2048


def test_a_cause_within_a_cause_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = scoring_worker.Clock()
    ticks = iter([0.0, 1.0, 4.0, 6.0, 11.0, 20.0])
    monkeypatch.setattr(scoring_worker.time, "perf_counter", lambda: next(ticks))

    class Models:
        def detect(self, picture: str) -> str:
            return picture

    clock.count(Models, "detect", "detection")
    with clock.cause("scorer"):
        assert [Models().detect("a"), Models().detect("b")] == ["a", "b"]
    assert clock.seconds == {"detection": 3.0 + 5.0, "scorer": 20.0 - 8.0}


def test_photographic_scorers_are_the_products_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tpige_kedro.rehearsal.files.write_files", lambda folder, files: folder)
    scorers = scorers_of("paper", tmp_path)
    assert {name: spec["type"] for name, spec in scorers.items()} == {
        "photo_face": "tpige_kedro.metrics.photo_face.PhotoFaceScorer",
        "photo_motion": "tpige_kedro.metrics.photo_motion.PhotoMotionScorer",
        "photo_imaging": "tpige_kedro.metrics.photo_imaging.PhotoImagingScorer",
    }
    assert {spec["source"] for spec in scorers.values()} == {str(tmp_path)}

"""A metric of one's own of which lower is better, one that only describes, and one that nobody can compute."""

from __future__ import annotations

from tpige_kedro.metrics.protocol import MetricSpec

ROUGHNESS = MetricSpec("roughness", "Roughness (own)", 0, 9, "lower", "bumps a frame, of the tests")
LENGTH = MetricSpec("length", "Length (own)", 0, 99, "neither", "seconds, of the tests")
ABSENT = MetricSpec("absent", "Absent (own)", 0, 1, "higher", "no clip has it")


class OwnScorer:
    version = 1
    metrics = (ROUGHNESS, LENGTH, ABSENT)
    weights = ()

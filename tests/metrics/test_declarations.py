"""Every scorer says what its metrics are, and with which weights under which licence it judges."""

from __future__ import annotations

import pytest

from tpige_kedro.metrics.clip_score import ClipScorer
from tpige_kedro.metrics.gme_score import GmeScorer
from tpige_kedro.metrics.motion_amount import MotionAmountScorer
from tpige_kedro.metrics.photo_face import PhotoFaceScorer
from tpige_kedro.metrics.photo_face_set import PhotoFaceSetScorer
from tpige_kedro.metrics.photo_imaging import PhotoImagingScorer
from tpige_kedro.metrics.photo_motion import PhotoMotionScorer
from tpige_kedro.mini import scorers as mini

SCORERS = (
    PhotoFaceScorer,
    PhotoMotionScorer,
    PhotoImagingScorer,
    mini.MiniFaceScorer,
    mini.MiniAlignmentScorer,
    mini.MiniMotionScorer,
    mini.MiniImagingScorer,
)


@pytest.mark.parametrize(
    "scorer", [*SCORERS, GmeScorer, ClipScorer, PhotoFaceSetScorer, MotionAmountScorer]
)
def test_a_scorer_declares_itself(scorer) -> None:
    for spec in scorer.metrics:
        assert spec.low < spec.high
        assert spec.better in ("higher", "lower")
        assert all((spec.name, spec.title, spec.source, spec.protocol))
    for weights in scorer.weights:
        assert all((weights.file, weights.published, weights.licence))
    assert scorer.__doc__


def test_photos_and_drawings_are_scored_by_the_same_names() -> None:
    for photo, drawn in zip(SCORERS[:3], (SCORERS[3], *SCORERS[5:]), strict=True):
        names = [{spec.name for spec in scorer.metrics} for scorer in (photo, drawn)]
        assert names[1] <= names[0]

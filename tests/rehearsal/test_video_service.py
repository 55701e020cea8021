"""The stand-in for the video service, asked by the product's own client."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tpige_kedro.rehearsal.video_service import FPS, TINY, video_stand_in
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.hailuo import Hailuo
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip


def test_the_client_gets_clips_that_show_the_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", "none")
    monkeypatch.setenv("NO_PROXY", "*")
    people = {"s1": (200, 40, 40), "s2": (40, 40, 200)}
    requests = [
        ClipRequest(name, "a king", (Image.new("RGB", (60, 80), colour),), 7)
        for name, colour in people.items()
    ]
    width, height, count = TINY
    with video_stand_in(tiny=True) as address:
        service = Hailuo(base_url=address, journal=str(tmp_path), poll_seconds=0.01)
        made = {r.sample_id: clip for r, clip in service.generate(requests, Guidance())}
    for name, colour in people.items():
        clip = made[name]
        assert isinstance(clip, GeneratedClip), clip
        assert clip.frames.shape == (count, height, width, 3) and clip.fps == FPS
        np.testing.assert_allclose(clip.frames.mean((0, 1, 2)), colour, atol=8)

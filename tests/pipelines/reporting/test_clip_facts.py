"""How clips were made, in a line: what all have alike, the median of the seconds, the first and the last day."""

from __future__ import annotations

import math

from tpige_kedro.pipelines.reporting.clip_facts import making_of, split


def test_one_slow_clip_does_not_speak_for_all() -> None:
    facts = split(
        {
            "s1": {"model": "wan", "seconds": 1.0, "made": "2026-01-03 10:00 UTC"},
            "s2": {"model": "wan", "seconds": 2.0, "made": "2026-01-01 10:00 UTC"},
            "s3": {"model": "wan", "seconds": 60.0, "made": "2026-01-02 10:00 UTC"},
            "s4": {"model": "wan"},
        }
    )
    made = making_of("vace", facts)
    assert (made.seconds, made.clips, made.model) == (2.0, 4, "wan")
    assert made.made == "2026-01-01 to 2026-01-03"


def test_what_no_record_says_is_left_out() -> None:
    made = making_of("vace", split({"s1": {"made": "2026-01-03 10:00 UTC"}}))
    assert math.isnan(made.seconds) and made.made == "2026-01-03" and made.device == ""
    assert making_of("vace", split({})).clips == 0

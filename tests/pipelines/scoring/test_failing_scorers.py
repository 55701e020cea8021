"""What cannot be scored: a clip, a photo, one scorer of several, a run that is stopped in the middle."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from score_stage import ALIVE, CALLS, LOADED, SAMPLES, SCORING, CountingMp4, Stage

from tpige_kedro.execution.tally import tallies
from tpige_kedro.schemas import Scoring

APART = SCORING.model_copy(update={"one_family_at_a_time": True})
BOTH = pytest.mark.parametrize("scoring", [SCORING, APART], ids=["together", "apart"])


def prompts(first: str, second: str = "A man runs.") -> dict[str, Any]:
    return {"samples": SAMPLES.assign(prompt=[first, second])}


@BOTH
def test_a_scorer_that_raises_fails_alone_and_alone_is_tried_again(
    stage: Stage, scoring: Scoring
) -> None:
    items = stage.score(scoring=scoring, **prompts("explode"))
    failure = items.failures["v/s1"]
    assert (failure.error, failure.message) == ("RuntimeError", "sizes do not match (scorer faces)")
    assert list(items["v/s1"].load()) == ["bright"], "the other scorer's part is kept"
    assert sorted(items["v/s2"].load()) == ["bright", "faces"]
    rows = stage.table().set_index("sample_id")
    assert rows.loc["s1", "faces_reason"] == "scoring failed"
    assert rows.loc["s1", "brightness"] == pytest.approx(0.2, abs=0.01)
    tally = tallies()[-1]
    assert (tally.made, [f["key"] for f in tally.failures]) == (1, ["s1"])
    assert tally.failures[0]["message"] == "sizes do not match (scorer faces)"

    items = stage.score()
    assert CALLS == ["faces: explode"] and LOADED in (["faces"], [])
    assert list(items["v/s1"].load()) == ["bright"] and "v/s1" in items.failures
    assert stage.table().set_index("sample_id").loc["s1", "brightness"] > 0


@BOTH
def test_a_scorer_that_works_again_completes_the_record(
    stage: Stage, scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    from score_stage import Faces

    works = Faces.score
    monkeypatch.setattr(Faces, "score", lambda *_: [].pop())
    bright = {k: i.load()["bright"] for k, i in stage.score(scoring=scoring).items()}
    assert len(stage.folder.load().failures) == 2
    monkeypatch.setattr(Faces, "score", works)
    items = stage.score()
    assert items.failures == {} and CALLS == ["faces: A man reads.", "faces: A man runs."]
    assert {key: item.load()["bright"] for key, item in items.items()} == bright
    assert stage.table()["overall"].notna().all()
    stage.score()
    assert CALLS == []


@BOTH
def test_if_all_scorers_fail_at_a_clip_both_reasons_are_said(
    stage: Stage, scoring: Scoring
) -> None:
    items = stage.score(scoring=scoring, **prompts("darken and explode"))
    assert list(items) == ["v/s2"]
    message = items.failures["v/s1"].message
    assert "too dark (scorer bright)" in message
    assert "sizes do not match (scorer faces)" in message
    (failure,) = tallies()[-1].failures
    assert failure["message"] == message
    stage.score()
    assert CALLS == ["bright: darken and explode", "faces: darken and explode"]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is kept by a circle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("fault", ["darken", "a clip"])
def test_a_failure_does_not_keep_a_network_in_memory(
    stage: Stage, fault: str, no_collector: None
) -> None:
    CountingMp4.broken |= {"s1"} if fault == "a clip" else set()
    items = stage.score(scoring=APART, **prompts(fault))
    assert "v/s1" in items.failures and LOADED == ["bright", "faces"]
    assert max(ALIVE) == 1, "the first family is gone when the second is loaded"


def test_the_log_says_where_a_scorer_failed(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.score(**prompts("explode"))
    (logged,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert logged.getMessage().endswith("failed: sizes do not match (scorer faces)")
    assert logged.exc_info is not None
    told = "".join(traceback.format_exception(logged.exc_info[1]))
    assert 'raise RuntimeError("sizes do not match")' in told


@BOTH
def test_a_clip_that_cannot_be_decoded_fails_once(stage: Stage, scoring: Scoring) -> None:
    CountingMp4.broken.add("s1")
    items = stage.score(scoring=scoring)
    assert "s1 cannot be decoded" in items.failures["v/s1"].message and list(items) == ["v/s2"]
    assert CountingMp4.decoded.count("s1") == 1
    assert [f["key"] for f in tallies()[-1].failures] == ["s1"], "told once for all scorers"
    rows = stage.table().set_index("sample_id")
    assert rows.loc["s1", ["brightness_reason", "faces_reason"]].tolist() == ["scoring failed"] * 2
    CountingMp4.broken.clear()
    assert stage.score().failures == {} and set(CountingMp4.decoded) == {"s1"}


def test_a_clip_that_is_gone_fails_alone(stage: Stage) -> None:
    work = stage.work()
    (stage.root / "clips" / "v" / "s1.mp4").unlink()
    items = stage.score(work)
    assert "s1.mp4" in items.failures["v/s1"].message
    assert list(items) == ["v/s2"] and len(items["v/s2"].load()) == 2


def test_a_photo_that_is_gone_fails_alone(stage: Stage) -> None:
    checked = stage.checked
    (stage.root / "references" / "a.png").unlink()
    items = stage.score(stage.work(checked))
    assert "a.png is gone" in items.failures["v/s1"].message and list(items) == ["v/s2"]
    (tally,) = tallies()
    assert [f["key"] for f in tally.failures] == ["s1"], "told once for all scorers"


@BOTH
def test_a_photo_exchanged_after_the_check_scores_no_clip(stage: Stage, scoring: Scoring) -> None:
    stage.scoring = scoring
    checked = stage.checked
    stage.picture("a.png", 10)
    items = stage.score(stage.work(checked))
    message = items.failures["v/s1"].message
    assert "reference a.png was changed" in message and "run prompt_enhancement" in message
    assert list(items) == ["v/s2"] and all("reads" not in call for call in CALLS)


def test_what_was_scored_before_a_photo_was_exchanged_stays(stage: Stage) -> None:
    stage.score()
    checked = stage.checked
    stage.picture("a.png", 10)
    stage.models["bright"] = stage.models["bright"].model_copy(update={"options": {"power": 2}})
    items = stage.score(stage.work(checked))
    assert list(items) == ["v/s2"] and "a.png was changed" in items.failures["v/s1"].message
    stage.picture("a.png", 255)
    stage.score()
    assert CALLS == ["bright: A man reads."], "the other scorer's part is still good"


# --- stopped in the middle -----------------------------------------------------------------------------------------------------


def test_a_stopped_run_keeps_what_the_families_before_have_done(stage: Stage) -> None:
    with pytest.raises(KeyboardInterrupt):
        stage.score(scoring=APART, **prompts("A man reads.", "stop"))
    items = stage.folder.load()
    assert list(items["v/s1"].load()) == ["bright", "faces"], "finished before the stop"
    assert list(items["v/s2"].load()) == ["bright"]
    assert items["v/s2"].record()["partial"] is True and items.failures == {}
    rows = stage.table().set_index("sample_id")
    assert rows.loc["s2", "faces_reason"] == "scoring failed"

    stage.models["faces"] = stage.models["faces"].model_copy(update={"licence": "other"})
    with pytest.raises(KeyboardInterrupt):
        stage.score()
    assert CALLS == ["faces: stop"], "goes on where it was, with the scorer that is missing"


def test_a_stopped_run_scored_together_keeps_whole_clips(stage: Stage) -> None:
    with pytest.raises(KeyboardInterrupt):
        stage.score(**prompts("A man reads.", "stop"))
    assert list(stage.folder.load()) == ["v/s1"]
    with pytest.raises(KeyboardInterrupt):
        stage.score()
    assert CALLS == ["bright: stop", "faces: stop"]


def test_a_clip_that_cannot_be_decoded_any_more_keeps_its_parts(stage: Stage) -> None:
    stage.score(scoring=SCORING.model_copy(update={"scorers": ("bright",)}))
    CountingMp4.broken.add("s1")
    items = stage.score(scoring=SCORING)
    assert "s1 cannot be decoded" in items.failures["v/s1"].message
    CountingMp4.broken.clear()
    stage.score()
    assert CALLS == ["faces: A man reads."]

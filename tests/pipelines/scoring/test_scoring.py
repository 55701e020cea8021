from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tpige_kedro.datasets import Clip
from tpige_kedro.execution.tally import reset_tallies, tallies
from tpige_kedro.metrics.protocol import MetricSpec, Missing, ScoredClip
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.scoring import create_pipeline
from tpige_kedro.pipelines.scoring.jobs import METRIC_VERSIONS
from tpige_kedro.pipelines.scoring.nodes import clip_scorer
from tpige_kedro.pipelines.scoring.table import score_table
from tpige_kedro.schemas import ModelSpec, Scoring
from tpige_kedro.tables import SCORES

WEIGHTS = {"brightness": 0.5, "faces": 0.5}
SCORING = Scoring(scorers=("bright", "faces"), overall=WEIGHTS)
SAMPLES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2"],
        "prompt": ["A man reads.", "A man runs."],
        "reference": ["a.png", "b.png"],
        "reference_hash": ["ha", "hb"],
    }
)
PROMPTS = pd.DataFrame({"sample_id": ["s1"], "enhanced_prompt": ["A man, old, reads."]})
RECORDS = {
    s: lambda s=s: {"fingerprint": f"made {s}", "frames_hash": f"pixels {s}"} for s in ("s1", "s2")
}


LOADED: list[str] = []
ALIVE: list[int] = []  # how many scorers there were when one was loaded, with it
SEEN: dict[str, str | None] = {}
_scorers: weakref.WeakSet[Any] = weakref.WeakSet()


def note_loaded(name: str, scorer: Any) -> None:
    LOADED.append(name)
    _scorers.add(scorer)
    ALIVE.append(len(_scorers))


class Brightness:
    """The mean of all pixels."""

    metrics = (MetricSpec("brightness", "Brightness", 0, 1, "higher", "tests"),)

    def __init__(self, power: float = 1) -> None:
        note_loaded("bright", self)
        self.power = power

    def score(self, clip: ScoredClip) -> dict[str, float | Missing]:
        SEEN[clip.prompt] = clip.enhanced_prompt
        return {"brightness": float(clip.frames.mean() / 255) ** self.power}


class Faces:
    """What the prompt of a sample says that the scorer should return."""

    metrics = (MetricSpec("faces", "Faces", 0, 1, "higher", "tests"),)

    def __init__(self) -> None:
        note_loaded("faces", self)

    def score(self, clip: ScoredClip) -> dict[str, float | Missing]:
        if "explode" in clip.prompt:
            raise RuntimeError("sizes do not match")
        if "hidden" in clip.prompt:
            return {"faces": Missing("no face in any frame")}
        return {
            "faces": float("inf")
            if "endless" in clip.prompt
            else clip.reference.getpixel((0, 0))[0] / 255
        }


MODELS = {
    "bright": ModelSpec(type=f"{__name__}.Brightness", licence="MIT"),
    "faces": ModelSpec(type=f"{__name__}.Faces", licence="MIT"),
}


class Opened(dict[str, Any]):
    """Clips that count how often they are decoded."""

    def __init__(self) -> None:
        self.count = 0
        super().__init__({"s1": lambda: self.decode(51), "s2": lambda: self.decode(102)})

    def decode(self, value: int) -> Clip:
        self.count += 1
        return Clip(np.full((3, 8, 8, 3), value, np.uint8), 8)


@pytest.fixture(autouse=True)
def fresh() -> None:
    release_models()
    reset_tallies()
    for noted in (LOADED, ALIVE, SEEN):
        noted.clear()


def score(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    given = {
        "samples": SAMPLES,
        "prompts": PROMPTS,
        "clips": Opened(),
        "records": RECORDS,
        "references": {
            n: lambda: Image.new("RGB", (8, 8), (255, 0, 0)) for n in ("a.png", "b.png")
        },
        "completed": {},
        "models": MODELS,
        "scoring": SCORING,
        **changes,
    }
    chunks = list(clip_scorer("v")(**given))
    records, failures = (
        {k: v for part in parts for k, v in part.items()} for parts in zip(*chunks, strict=True)
    )
    return records, failures


def table(records: dict[str, Any], samples: pd.DataFrame = SAMPLES, **changes: Any) -> pd.DataFrame:
    lazy = {key: lambda r=record: r for key, record in records.items() if record}
    made = score_table("v")(
        samples, changes.get("clip_records", RECORDS), lazy, changes.get("scoring", SCORING)
    )
    return SCORES.validate(made)


def completed(records: dict[str, Any]) -> dict[str, str]:
    return {f"v/{key}": record["fingerprint"] for key, record in records.items()}


def test_a_clip_is_decoded_once_for_all_metrics() -> None:
    clips = Opened()
    records, _ = score(clips=clips)
    assert clips.count == 2
    assert records["bright/s1"]["values"] == {"brightness": pytest.approx(0.2)}
    assert records["faces/s1"]["values"] == {"faces": 1.0}
    assert records["faces/s1"]["reasons"] == {}


def test_a_table_row_is_the_record_and_the_weighted_sum() -> None:
    rows = table(score()[0]).set_index("sample_id")
    assert rows.loc["s2", "brightness"] == pytest.approx(0.4)
    assert rows.loc["s2", "overall"] == pytest.approx(0.5 * 0.4 + 0.5 * 1.0)
    assert rows["overall_reason"].isna().all() and (rows["variant"] == "v").all()


@pytest.mark.parametrize(
    ("word", "reason"), [("hidden", "no face in any frame"), ("endless", "Faces returned inf")]
)
def test_a_missing_value_is_nan_with_its_reason_and_never_zero(word: str, reason: str) -> None:
    records, failures = score(samples=SAMPLES.assign(prompt=[word, "A man runs."]))
    assert records["faces/s1"]["values"]["faces"] is None and failures["faces/s1"] is None
    rows = table(records).set_index("sample_id")
    assert np.isnan(rows.loc["s1", "faces"]) and rows.loc["s1", "faces_reason"] == reason
    assert np.isnan(rows.loc["s1", "overall"]) and rows.loc["s1", "overall_reason"] == "no faces"
    assert rows.loc["s1", "brightness"] == pytest.approx(0.2)
    assert rows.loc["s2", "overall"] > 0


def test_nothing_is_scored_twice() -> None:
    records, _ = score()
    clips = Opened()
    assert score(clips=clips, completed=completed(records)) == ({}, {}) and clips.count == 0


NEW = {
    "another clip": {
        "records": {
            **RECORDS,
            "s1": lambda: {"fingerprint": "made anew", "frames_hash": "pixels s1"},
        }
    },
    "other pixels": {
        "records": {**RECORDS, "s1": lambda: {"fingerprint": "made s1", "frames_hash": "other"}}
    },
    "another prompt": {"samples": SAMPLES.assign(prompt=["A man sits.", "A man runs."])},
    "another photo": {"samples": SAMPLES.assign(reference_hash=["new", "hb"])},
}


@pytest.mark.parametrize("what", NEW)
def test_a_change_scores_its_own_clip_again(what: str) -> None:
    done = completed(score()[0])
    assert sorted(score(completed=done, **NEW[what])[0]) == ["bright/s1", "faces/s1"]


def test_a_changed_scorer_scores_every_clip_again_and_leaves_the_others_alone() -> None:
    done = completed(score()[0])
    other = MODELS["bright"].model_copy(update={"options": {"power": 2}})
    clips = Opened()
    again = score(completed=done, clips=clips, models={**MODELS, "bright": other})[0]
    assert sorted(again) == ["bright/s1", "bright/s2"] and clips.count == 2


def test_a_raised_version_scores_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done = completed(score()[0])
    monkeypatch.setitem(METRIC_VERSIONS, MODELS["faces"].type, 99)  # type: ignore[arg-type]
    assert sorted(score(completed=done)[0]) == ["faces/s1", "faces/s2"]


def test_a_new_scorer_scores_only_what_is_new() -> None:
    one = SCORING.model_copy(update={"scorers": ("bright",)})
    done, _ = score(scoring=one)
    LOADED.clear()
    added, _ = score(completed=completed(done))
    assert sorted(added) == ["faces/s1", "faces/s2"] and LOADED == ["faces"]
    assert table({**done, **added})["overall"].notna().all()


def test_one_family_at_a_time_gives_the_same_and_frees_each_before_the_next() -> None:
    together, _ = score()
    LOADED.clear()
    ALIVE.clear()
    clips = Opened()
    alone = SCORING.model_copy(update={"one_family_at_a_time": True})
    apart, _ = score(clips=clips, scoring=alone)
    assert apart == together | {
        k: {**v, "seconds": apart[k]["seconds"]} for k, v in together.items()
    }
    assert list(apart) == ["bright/s1", "bright/s2", "faces/s1", "faces/s2"]
    assert LOADED == ["bright", "faces"] and max(ALIVE) == 1
    assert clips.count == 4, "once for each family"


def test_scorers_see_the_enhanced_prompt_where_there_is_one() -> None:
    score()
    assert SEEN == {"A man reads.": "A man, old, reads.", "A man runs.": None}
    done = completed(score()[0])
    changed = PROMPTS.assign(enhanced_prompt="A man, young, reads.")
    assert sorted(score(completed=done, prompts=changed)[0]) == ["bright/s1", "faces/s1"]


def test_other_weights_change_the_table_and_score_nothing() -> None:
    records, _ = score()
    other = SCORING.model_copy(update={"overall": {"faces": 1.0}})
    assert score(completed=completed(records), scoring=other)[0] == {}
    assert table(records, scoring=other)["overall"].tolist() == [1.0, 1.0]


def test_a_score_of_an_earlier_clip_is_not_shown() -> None:
    records, _ = score()
    newer = {**RECORDS, "s1": lambda: {"fingerprint": "made anew", "frames_hash": "pixels s1"}}
    rows = table(records, clip_records=newer).set_index("sample_id")
    assert (
        np.isnan(rows.loc["s1", "brightness"])
        and rows.loc["s1", "brightness_reason"] == "scoring failed"
    )
    assert rows.loc["s2", "brightness"] == pytest.approx(0.4)


def test_a_sample_without_a_clip_says_so() -> None:
    records, _ = score(records={"s2": RECORDS["s2"]})
    rows = table(records, clip_records={"s2": RECORDS["s2"]}).set_index("sample_id")
    assert rows.loc["s1", "overall_reason"] == "no brightness, faces"
    assert rows.loc["s1", "faces_reason"] == "no clip"


def test_a_variant_without_clips_has_an_empty_typed_table() -> None:
    records, failures = score(records={})
    assert (records, failures) == ({}, {})
    rows = table({}, clip_records={})
    assert rows.empty and rows["overall"].dtype == float
    assert list(rows.columns[:4]) == ["sample_id", "variant", "brightness", "brightness_reason"]


def test_a_clip_or_picture_that_is_gone_fails_alone() -> None:
    clips = Opened()
    del clips["s1"]
    records, failures = score(clips=clips)
    assert records["faces/s1"] is None and "clip is gone" in failures["faces/s1"]["message"]
    assert records["faces/s2"]["values"] and failures["faces/s2"] is None
    _, failures = score(references={"b.png": lambda: Image.new("RGB", (8, 8))})
    assert "a.png is gone" in failures["bright/s1"]["message"]
    (tally,) = tallies()
    assert [f["key"] for f in tally.failures] == ["s1"], "told once for all scorers"


def test_a_scorer_that_raises_fails_alone() -> None:
    records, failures = score(samples=SAMPLES.assign(prompt=["explode", "A man runs."]))
    assert records["faces/s1"] is None and failures["faces/s1"]["error"] == "RuntimeError"
    assert failures["faces/s1"]["message"] == "sizes do not match (scorer faces)"
    assert records["faces/s2"]["values"]
    rows = table(records).set_index("sample_id")
    assert rows.loc["s1", "faces_reason"] == "scoring failed"
    assert rows.loc["s1", "brightness"] == pytest.approx(0.2), "the other scorer's value is kept"


def test_the_stage_takes_clips_and_gives_tables() -> None:
    pipeline = create_pipeline(("a", "b"))
    assert {"clips_a", "records_a", "references"} <= pipeline.inputs()
    assert {"scores_a", "scores_b"} <= pipeline.outputs()
    assert {n.name for n in pipeline.only_nodes_with_tags("b").nodes} == {
        "scoring.b.score",
        "scoring.b.tabulate",
    }

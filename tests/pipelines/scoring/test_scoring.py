from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tpige_kedro.datasets import Clip
from tpige_kedro.metrics.protocol import MetricSpec, Missing, ScoredClip
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.scoring import create_pipeline
from tpige_kedro.pipelines.scoring.nodes import clip_scorer, score_table
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
RECORDS = {
    s: lambda s=s: {"fingerprint": f"made {s}", "frames_hash": f"pixels {s}"} for s in ("s1", "s2")
}


class Brightness:
    """The mean of all pixels."""

    metrics = (MetricSpec("brightness", "Brightness", 0, 1, "higher", "tests"),)

    def __init__(self, power: float = 1) -> None:
        self.power = power

    def score(self, clip: ScoredClip) -> dict[str, float | Missing]:
        return {"brightness": float(clip.frames.mean() / 255) ** self.power}


class Faces:
    """What the prompt of a sample says that the scorer should return."""

    metrics = (MetricSpec("faces", "Faces", 0, 1, "higher", "tests"),)

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


def score(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    given = {
        "samples": SAMPLES,
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
    assert records["s1"]["values"] == {"brightness": pytest.approx(0.2), "faces": 1.0}
    assert records["s1"]["reasons"] == {}


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
    assert records["s1"]["values"]["faces"] is None and failures["s1"] is None
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
    assert list(score(completed=done, **NEW[what])[0]) == ["s1"]


def test_another_scorer_scores_everything_again() -> None:
    done = completed(score()[0])
    other = MODELS["bright"].model_copy(update={"options": {"power": 2}})
    assert sorted(score(completed=done, models={**MODELS, "bright": other})[0]) == ["s1", "s2"]


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
    assert records["s1"] is None and "clip is gone" in failures["s1"]["message"]
    assert records["s2"]["values"] and failures["s2"] is None
    _, failures = score(references={"b.png": lambda: Image.new("RGB", (8, 8))})
    assert "a.png is gone" in failures["s1"]["message"]


def test_a_scorer_that_raises_fails_its_clip_alone() -> None:
    records, failures = score(samples=SAMPLES.assign(prompt=["explode", "A man runs."]))
    assert records["s1"] is None and failures["s1"]["error"] == "RuntimeError"
    assert records["s2"]["values"]
    assert table(records).set_index("sample_id").loc["s1", "faces_reason"] == "scoring failed"


def test_the_stage_takes_clips_and_gives_tables() -> None:
    pipeline = create_pipeline(("a", "b"))
    assert {"clips_a", "records_a", "references"} <= pipeline.inputs()
    assert {"scores_a", "scores_b"} <= pipeline.outputs()
    assert {n.name for n in pipeline.only_nodes_with_tags("b").nodes} == {
        "scoring.b.score",
        "scoring.b.tabulate",
    }

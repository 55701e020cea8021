from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tpige_kedro.pipelines.scoring.sets import set_jobs, tabulate_sets
from tpige_kedro.schemas import ModelSpec, Scoring
from tpige_kedro.tables import SET_SCORES

SPEC = ModelSpec(type="fakes.SetScorer", licence="tests")
SCORING = Scoring(scorers=("x",), overall={"x": 1.0}, set_scorer="sets")
SAMPLES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2"],
        "person_id": ["p1", "p2"],
        "reference": ["a.png", "b.png"],
        "reference_hash": ["ha", "hb"],
    }
)


def clip_records(**made: str) -> dict[str, Any]:
    return {s: lambda m=m: {"fingerprint": m, "frames_hash": "same"} for s, m in made.items()}


MADE = {"v": clip_records(s1="made 1", s2="made 2"), "w": clip_records(s1="other"), "none": {}}


def marks(samples: pd.DataFrame = SAMPLES, made: Any = MADE, spec: ModelSpec = SPEC) -> dict:
    return {job.key: job.fingerprint for job in set_jobs(samples, made, spec)}


def test_a_variant_without_clips_is_no_set() -> None:
    jobs = list(set_jobs(SAMPLES, MADE, SPEC))
    assert [(job.key, job.request) for job in jobs] == [("v", ("s1", "s2")), ("w", ("s1",))]


CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a clip": ({"made": {**MADE, "v": clip_records(s1="anew", s2="made 2")}}, {"v"}),
    "a clip less": ({"made": {**MADE, "v": clip_records(s1="made 1")}}, {"v"}),
    "a photo": ({"samples": SAMPLES.assign(reference_hash=["ha", "new"])}, {"v", "w"}),
    "the scorer": ({"spec": SPEC.model_copy(update={"options": {"k": 1}})}, {"v", "w"}),
    "the order": ({"samples": SAMPLES[::-1]}, set()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_makes_a_set_another_one(what: str) -> None:
    change, touched = CHANGES[what]
    before, after = marks(), marks(**change)
    assert {variant for variant in before if before[variant] != after[variant]} == touched


def table(**records: dict[str, Any]) -> pd.DataFrame:
    made, csv = tabulate_sets(
        samples=SAMPLES,
        set_records={name: lambda r=record: r for name, record in records.items()},
        models={"sets": SPEC},
        scoring=SCORING,
        **{f"records_{variant}": found for variant, found in MADE.items()},
    )
    assert csv is made
    return SET_SCORES.validate(made).set_index("variant")


def record(mark: str) -> dict[str, Any]:
    values = {"face_fid": 3.5, "face_crops": 9.0}
    return {"fingerprint": mark, "metrics": ["face_fid"], "values": values, "reasons": {}}


def test_a_record_of_earlier_clips_is_not_shown() -> None:
    rows = table(v=record(marks()["v"]), w=record("of earlier clips"))
    assert list(rows.columns) == ["n", "face_fid", "face_fid_reason", "face_crops"]
    assert rows.loc["v", ["n", "face_fid", "face_crops"]].tolist() == [2, 3.5, 9.0]
    assert pd.isna(rows.loc["w", "face_fid"])
    assert rows.loc["w", "face_fid_reason"] == "scoring failed"


def test_without_any_record_the_table_has_rows_and_no_metrics() -> None:
    assert table().reset_index().to_numpy().tolist() == [["v", 2], ["w", 1]]

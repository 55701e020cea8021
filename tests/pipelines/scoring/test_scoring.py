from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from score_stage import ALIVE, CALLS, LOADED, PROMPTS, SAMPLES, SCORING, SEEN, CountingMp4, Stage

from tpige_kedro.datasets.clip_files import decoding
from tpige_kedro.execution.tally import tallies
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.scoring import create_pipeline
from tpige_kedro.pipelines.scoring.table import tabulate_scores


def test_a_clip_is_decoded_once_for_all_metrics(stage: Stage) -> None:
    items = stage.score()
    assert CountingMp4.decoded == ["s1", "s2"]
    parts = items["v/s1"].load()
    assert parts["bright"]["values"] == {"brightness": pytest.approx(0.2, abs=0.01)}
    assert parts["faces"]["values"] == {"faces": 1.0}
    assert parts["faces"]["reasons"] == {}
    record = items["v/s1"].record()
    assert {name: maker["name"] for name, maker in record["maker"].items()} == {
        "bright": "bright",
        "faces": "faces",
    }
    assert record["maker"]["faces"]["version"] == 1 and record["people"] == ["p1"]
    files = sorted(f.name for f in (stage.root / "scores" / "v").iterdir())
    assert files == ["s1.json", "s2.json"], "one record per clip, all scorers in it"


def test_a_table_row_is_the_record_and_the_weighted_sum(stage: Stage) -> None:
    stage.score()
    table = stage.table()
    rows = table.set_index("sample_id")
    assert rows.loc["s2", "brightness"] == pytest.approx(0.4, abs=0.01)
    bright = rows.loc["s2", "brightness"]
    assert rows.loc["s2", "overall"] == pytest.approx(0.5 * bright + 0.5 * 1.0)
    assert rows["overall_reason"].isna().all() and (rows["variant"] == "v").all()
    metrics = ["overall", "brightness", "faces"]
    assert list(table) == ["sample_id", "variant", *metrics, *(f"{m}_reason" for m in metrics)]


@pytest.mark.parametrize(
    ("word", "reason"), [("hidden", "no face in any frame"), ("endless", "Faces returned inf")]
)
def test_a_missing_value_is_nan_with_its_reason_and_never_zero(
    stage: Stage, word: str, reason: str
) -> None:
    items = stage.score(samples=SAMPLES.assign(prompt=[word, "A man runs."]))
    assert items["v/s1"].load()["faces"]["values"]["faces"] is None and items.failures == {}
    rows = stage.table().set_index("sample_id")
    assert np.isnan(rows.loc["s1", "faces"]) and rows.loc["s1", "faces_reason"] == reason
    assert np.isnan(rows.loc["s1", "overall"]) and rows.loc["s1", "overall_reason"] == "no faces"
    assert rows.loc["s1", "brightness"] == pytest.approx(0.2, abs=0.01)
    assert rows.loc["s2", "overall"] > 0


def test_nothing_is_scored_twice(stage: Stage) -> None:
    before = {key: item.record() for key, item in stage.score().items()}
    release_models()
    assert {key: item.record() for key, item in stage.score().items()} == before
    assert (CountingMp4.decoded, LOADED, CALLS) == ([], [], [])


NEW: dict[str, dict[str, Any]] = {
    "another clip": {"greys": {"v/s1": 200, "v/s2": 102}},
    "another prompt": {"samples": SAMPLES.assign(prompt=["A man sits.", "A man runs."])},
    "another enhanced prompt": {"prompts": PROMPTS.assign(enhanced_prompt="A man, young, reads.")},
}


@pytest.mark.parametrize("what", NEW)
def test_a_change_scores_its_own_clip_again(stage: Stage, what: str) -> None:
    stage.score()
    stage.score(**NEW[what])
    assert CountingMp4.decoded == ["s1"] and [call[:6] for call in CALLS] == ["bright", "faces:"]


def test_another_way_of_decoding_scores_all_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.score()
    monkeypatch.setattr(decoding, "VERSION", decoding.VERSION + 1)
    stage.score()
    assert sorted(CountingMp4.decoded) == ["s1", "s2"]


def test_another_photo_scores_its_own_clip_again(stage: Stage) -> None:
    stage.score()
    stage.picture("a.png", 51)
    assert stage.score()["v/s1"].load()["faces"]["values"] == {"faces": 0.2}
    assert CountingMp4.decoded == ["s1"]


def test_the_same_clip_made_again_is_not_scored_again(stage: Stage) -> None:
    """What counts is the content of the file, not when or for what reason it was written."""
    stage.score()
    (stage.root / "clips" / "v" / "s1.mp4").unlink()
    stage.score()
    assert CALLS == []


def test_a_changed_scorer_scores_every_clip_again_and_leaves_the_others_alone(
    stage: Stage,
) -> None:
    faces = {key: item.load()["faces"] for key, item in stage.score().items()}
    stage.models["bright"] = stage.models["bright"].model_copy(update={"options": {"power": 2}})
    items = stage.score()
    assert CALLS == ["bright: A man reads.", "bright: A man runs."]
    assert LOADED == ["bright"] and CountingMp4.decoded == ["s1", "s2"]
    assert {key: item.load()["faces"] for key, item in items.items()} == faces
    bright = [item.load()["bright"]["values"]["brightness"] for item in items.values()]
    assert bright == [pytest.approx(0.04, abs=0.01), pytest.approx(0.16, abs=0.01)]


def test_a_raised_version_scores_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from score_stage import Faces

    stage.score()
    monkeypatch.setattr(Faces, "version", 99)
    stage.score()
    assert CALLS == ["faces: A man reads.", "faces: A man runs."]


def test_a_new_scorer_scores_only_what_is_new(stage: Stage) -> None:
    first = stage.score(scoring=SCORING.model_copy(update={"scorers": ("bright",)}))
    bright = {key: item.load() for key, item in first.items()}
    added = stage.score(scoring=SCORING)
    assert LOADED == ["faces"] and CALLS == ["faces: A man reads.", "faces: A man runs."]
    for key, item in added.items():
        assert item.load() == {**bright[key], "faces": item.load()["faces"]}
    assert stage.table()["overall"].notna().all()


def test_a_scorer_that_is_left_out_is_not_shown_and_costs_nothing(stage: Stage) -> None:
    stage.score()
    alone = SCORING.model_copy(update={"scorers": ("bright",), "overall": {"brightness": 1.0}})
    stage.score(scoring=alone)
    assert CALLS == []
    assert "faces" not in stage.table().columns and stage.table()["overall"].notna().all()


def test_leaving_out_a_scorer_that_failed_leaves_no_failure(stage: Stage) -> None:
    stage.score(samples=SAMPLES.assign(prompt=["explode", "A man runs."]))
    alone = SCORING.model_copy(update={"scorers": ("bright",), "overall": {"brightness": 1.0}})
    items = stage.score(scoring=alone)
    assert items.failures == {} and CALLS == [] and LOADED == []
    assert stage.table()["overall"].notna().all() and tallies()[-1].made == 2


def test_one_family_at_a_time_gives_the_same_and_frees_each_before_the_next(stage: Stage) -> None:
    together = {key: item.load() for key, item in stage.score().items()}
    table = stage.table()
    alone = Stage(stage.root / "alone")
    release_models()
    apart = alone.score(scoring=SCORING.model_copy(update={"one_family_at_a_time": True}))
    assert {key: item.load() for key, item in apart.items()} == together
    pd.testing.assert_frame_equal(alone.table(), table)
    assert [call.partition(":")[0] for call in CALLS] == ["bright", "bright", "faces", "faces"]
    assert LOADED == ["bright", "faces"] and max(ALIVE) == 1
    assert len(CountingMp4.decoded) == 4, "once for each family"
    assert all("partial" not in item.record() for item in apart.values())
    assert (tallies()[-1].made, tallies()[-1].failures) == (2, [])
    alone.score(scoring=SCORING)
    assert CALLS == [], "how scorers are run decides no score"


def test_scorers_see_the_enhanced_prompt_where_there_is_one(stage: Stage) -> None:
    stage.score()
    assert SEEN == {"A man reads.": "A man, old, reads.", "A man runs.": None}


def test_other_weights_change_the_table_and_score_nothing(stage: Stage) -> None:
    stage.score()
    stage.score(scoring=SCORING.model_copy(update={"overall": {"faces": 1.0}}))
    assert CALLS == [] and stage.table()["overall"].tolist() == [1.0, 1.0]


def test_a_score_of_an_earlier_clip_is_not_shown_once_another_was_asked_for(stage: Stage) -> None:
    stage.score()
    (stage.root / "references" / "a.png").unlink()
    checked = stage.samples.assign(reference_hash=["gone", "gone too"])
    stage.greys["v/s1"] = 200
    stage.score(stage.work(checked, references={"b.png": stage.references.load()["b.png"]}))
    clips, scores = stage.clip_folder.load(), stage.folder.load()
    rows = tabulate_scores(checked, clips, scores, SCORING).set_index("sample_id")
    assert np.isnan(rows.loc["s1", "brightness"])
    assert rows.loc["s1", "brightness_reason"] == "scoring failed"
    assert rows.loc["s2", "brightness"] == pytest.approx(0.4, abs=0.01)


def test_a_sample_without_a_clip_says_so(stage: Stage) -> None:
    items = stage.score(greys={"v/s2": 102})
    assert list(items) == ["v/s2"] and items.failures == {}
    rows = stage.table().set_index("sample_id")
    assert rows.loc["s1", "overall_reason"] == "no brightness, faces"
    assert rows.loc["s1", "faces_reason"] == "no clip"


def test_variants_stand_below_each_other(stage: Stage) -> None:
    stage.score(greys={"v/s1": 51, "v/s2": 102, "w/s1": 204})
    table = stage.table()
    assert table[["variant", "sample_id"]].to_numpy().tolist() == [
        ["v", "s1"], ["v", "s2"], ["w", "s1"], ["w", "s2"],
    ]  # fmt: skip
    assert table["brightness_reason"].fillna("").tolist() == ["", "", "", "no clip"]
    assert [(t.label, t.total) for t in tallies()] == [("scoring.v", 2), ("scoring.w", 1)]
    assert LOADED == ["bright", "faces"], "loaded once for all variants"


def test_without_any_clip_the_table_is_empty_and_typed(stage: Stage) -> None:
    items = stage.score(greys={})
    assert dict(items) == {} == items.failures and LOADED == []
    rows = stage.table()
    assert rows.empty and rows["overall"].dtype == float
    assert list(rows.columns[:5]) == ["sample_id", "variant", "overall", "brightness", "faces"]


def test_the_stage_takes_clips_and_gives_tables() -> None:
    pipeline = create_pipeline()
    assert {"clips", "references", "checked_samples", "enhanced_prompts"} <= pipeline.inputs()
    assert {"all_scores", "set_scores"} == pipeline.outputs()
    assert all(len(node.inputs) <= 6 for node in pipeline.nodes)

"""The chosen clips of a run: the bytes that were scored, a row for every sample, and only what is chosen now."""

from __future__ import annotations

import pandas as pd
import pytest
from finished_run import OUT, FinishedRun, clip, fill

from tpige_kedro.execution.tally import tallies
from tpige_kedro.execution.work import Result
from tpige_kedro.pipelines.reporting.chosen import GONE


def csv(run: FinishedRun) -> pd.DataFrame:
    file = run.root / OUT / "chosen" / "chosen.csv"
    return pd.read_csv(file, keep_default_na=False).set_index("sample_id")


def made() -> int:
    return sum(tally.made for tally in tallies() if tally.label == "chosen")


def test_the_clips_and_what_they_are(run: FinishedRun) -> None:
    run.report()
    table, items = csv(run), run.chosen.load()
    assert table["variant"].to_dict() == {"id1": "vace_pe", "id2": "vace"}
    for sample, variant in table["variant"].items():
        source = run.given["clips"].path_of(f"{variant}/{sample}")
        assert (
            run.root / OUT / "chosen" / table["clip"][sample]
        ).read_bytes() == source.read_bytes()
        assert table["sha256"][sample] == items[str(sample)].mark
    assert items["id1"].record()["people"] == ["p1"]
    scores = run.inputs["all_scores"].set_index(["variant", "sample_id"])
    for name in ("overall", "gme_score", "face_feature_sqdist"):
        assert float(table[name]["id1"]) == scores[name]["vace_pe", "id1"], "every digit"
    assert table["person_id"].to_list() == ["p1", "p2"] and set(table["reason"]) == {""}


def test_prompts_as_asked_and_as_the_model_got_them(run: FinishedRun) -> None:
    run.inputs["variant_status"] = run.inputs["variant_status"].assign(
        prompt=["original", "original", "enhanced"], source=["service", "a", "a"]
    )
    run.report()
    table = csv(run)
    assert table["prompt"]["id1"] == "A <b>chef</b> cooks & sings."
    assert table["model_prompt"]["id1"] == "A <b>chef</b>, an old man, cooks & sings."
    assert table["model_prompt"]["id2"] == table["prompt"]["id2"]


def test_a_sample_without_a_winner_has_a_row_that_says_why(run: FinishedRun) -> None:
    scores = run.inputs["all_scores"]
    scores.loc[scores["sample_id"] == "id2", "overall"] = float("nan")
    run.score(scores)
    run.report()
    row = csv(run).loc["id2"]
    assert row[["variant", "clip", "sha256", "overall"]].to_list() == [""] * 4
    assert "vace: " in row["reason"] and list(run.chosen.load()) == ["id1"]


def test_another_choice_takes_the_place_of_the_first(run: FinishedRun) -> None:
    run.report()
    assert made() == 2
    run.report()
    assert made() == 0
    run.report(selection=run.inputs["selection"].assign(variant=["vace", "vace"]))
    assert made() == 1 and csv(run)["variant"]["id1"] == "vace"
    source = run.given["clips"].path_of("vace/id1")
    assert (run.root / OUT / "chosen/id1.mp4").samefile(source)


def test_a_sample_that_was_withdrawn_is_gone_with_its_clip(run: FinishedRun) -> None:
    run.report()
    run.inputs["checked_samples"] = run.inputs["checked_samples"].iloc[1:]
    scores = run.inputs["all_scores"]
    run.score(scores[scores["sample_id"] == "id2"])
    run.report()
    names = {file.name for file in (run.root / OUT / "chosen").iterdir()} - {"_seen.json"}
    assert names == {"_index.json", "chosen.csv", "id2.mp4", "id2.json"}
    assert csv(run).index.to_list() == ["id2"]
    assert "id1" not in (run.root / OUT / "chosen/chosen.csv").read_text()


@pytest.mark.parametrize("loss", ["damaged", "deleted", "failed"])
def test_a_chosen_clip_that_cannot_be_had(run: FinishedRun, loss: str) -> None:
    file = run.given["clips"].path_of("vace/id2")
    if loss == "damaged":
        file.write_bytes(b"no clip")
    elif loss == "deleted":
        file.unlink()
    else:
        clips = {"vace/id1": Result(clip(80)), "vace_pe/id1": Result(clip(120))}
        fill(run.given["clips"], clips, mark="other")
    run.report()
    row = csv(run).loc["id2"]
    assert row["variant"] == "vace" and row["clip"] == "" and row["sha256"] == ""
    assert row["reason"] == GONE if loss == "failed" else "vace/id2" in row["reason"]
    assert list(run.chosen.load()) == ["id1"]


@pytest.mark.parametrize("name", ["prompt", "missing", "reason", "clip", "sha256", "person_id"])
def test_a_metric_named_like_a_column_has_one_of_its_own(run: FinishedRun, name: str) -> None:
    scores = run.inputs["all_scores"]
    run.score(scores.assign(**{name: 0.25, f"{name}_reason": None}))
    run.report()
    table = csv(run)
    assert list(table.columns).count(name) == 1
    assert [float(value) for value in table[f"{name}_score"]] == [0.25, 0.25]
    assert table["prompt"]["id2"] == "A welder, welding." and table["clip"]["id1"] == "id1.mp4"

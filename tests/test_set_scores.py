"""Metrics of a variant as a whole, from the clips to the report: whole runs with a stand-in for the scorer of sets."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from mlflow_store import Store
from project import Project, row
from tpige_kedro.datasets.mp4 import Mp4Dataset
from tpige_kedro.hooks.errors import RunStopped

SETS = ["load set scorer", "score set"]


@pytest.fixture
def with_sets(project: Project) -> Project:
    """Three samples of two persons, and a scorer of sets."""
    same = {"person_id": "p1", "reference": "r1.png"}
    project.write_samples([row(1), row(2), row(3, prompt="A man runs.", **same)])
    entry = {"type": "fakes.SetScorer", "licence": "tests"}
    project.configure(models={"fake_set": entry}, scoring={"set_scorer": "fake_set"})
    return project


def set_scores(project: Project) -> pd.DataFrame:
    return project.table("08_reporting/set_scores.parquet").set_index("variant")


def work_on_sets(project: Project) -> list[str]:
    return [line for line in project.work if line in SETS]


def test_from_clips_to_report_and_mlflow(with_sets: Project, store: Store) -> None:
    with_sets.run("full")
    assert work_on_sets(with_sets) == ["load set scorer", *["score set"] * 2], "loaded once"
    table = set_scores(with_sets)
    assert list(table.index) == ["vace", "vace_pe_ie"], "the skipped variant has no row"
    assert (table["n"] == 3).all() and (table["face_crops"] == 3).all()
    assert (table["reference_crops"] == 2).all(), "each person once"
    folder = with_sets.data / "07_model_output" / "clips" / "vace"
    clips = [Mp4Dataset(filepath=str(f)).load().frames.mean() for f in sorted(folder.glob("*.mp4"))]
    assert table.loc["vace", "face_kid"] == pytest.approx(np.var(clips))
    csv = pd.read_csv(with_sets.data / "08_reporting" / "set_scores.csv", index_col="variant")
    assert csv.loc["vace", "face_fid"] == pytest.approx(table.loc["vace", "face_fid"])

    value = float(table.loc["vace", "face_fid"])
    page = (with_sets.data / "08_reporting" / "report.html").read_text()
    assert f'data-variant="vace" data-metric="face_fid" data-mean="{value!r}"' in page
    summary = with_sets.table("08_reporting/variant_summary.parquet")
    mine = summary[(summary["variant"] == "vace") & (summary["metric"] == "face_fid")]
    assert mine[["mean", "n"]].to_numpy().tolist() == [[value, 3]]
    assert mine[["low", "high"]].isna().all(axis=None), "a single value has no interval"
    (parent,) = store.parents()
    metrics = store.children(parent)["vace"].data.metrics
    assert metrics["face_fid"] == value
    means = store.table(store.children(parent)["vace"], "means.json").set_index("metric")
    assert means.loc["face_fid", "n"] == 3 and pd.isna(means.loc["face_fid", "low"])
    logged = store.table(parent, "set_scores.json").set_index("variant")
    assert logged.loc["vace", "face_kid"] == table.loc["vace", "face_kid"]


def test_only_a_variant_that_changed_is_scored_again(with_sets: Project) -> None:
    with_sets.run()
    first = set_scores(with_sets)
    with_sets.forget_work()
    with_sets.run()
    assert with_sets.work == []
    pd.testing.assert_frame_equal(set_scores(with_sets), first, check_exact=True)

    with_sets.configure(variants={"vace": {"guidance": {"text_weight": 7.5}}})
    with_sets.run()
    assert work_on_sets(with_sets) == SETS, "one set, of the clips that are new"
    again = set_scores(with_sets)
    assert again.loc["vace", "face_fid"] != first.loc["vace", "face_fid"]
    assert again.loc["vace_pe_ie", "face_fid"] == first.loc["vace_pe_ie", "face_fid"]

    with_sets.forget_work()
    with_sets.configure(models={"fake_set": {"options": {"power": 2}}})
    with_sets.run("scoring")
    assert work_on_sets(with_sets) == ["load set scorer", *["score set"] * 2], "another scorer"


def test_a_missing_value_has_its_reason(with_sets: Project) -> None:
    with_sets.write_samples([row(1)])
    with_sets.run("full")
    table = set_scores(with_sets)
    assert np.isnan(table.loc["vace", "face_kid"]) and table.loc["vace", "face_fid"] >= 0
    assert table.loc["vace", "face_kid_reason"] == "needs 2 clips, there is 1"
    summary = with_sets.table("08_reporting/variant_summary.parquet")
    kid = summary[summary["metric"] == "face_kid"]
    assert kid["mean"].isna().all() and (kid["n"] == 0).all()


def test_a_clip_that_cannot_be_read_fails_its_variant_alone(
    with_sets: Project, store: Store
) -> None:
    with_sets.run()
    first = set_scores(with_sets)
    for folder in ("clip_scores", "set_scores"):  # so that all is to be scored again
        shutil.rmtree(with_sets.data / "07_model_output" / folder)
    clip = with_sets.data / "07_model_output/clips/vace/s1.mp4"
    content = clip.read_bytes()
    clip.write_bytes(content[:200])
    with pytest.raises(
        RunStopped, match=r"vace +set_scoring +clips/vace/s1\.mp4 has 200 bytes instead of"
    ):
        with_sets.run("scoring", "moe_selection")
    table = set_scores(with_sets)
    assert table.loc["vace", "face_fid_reason"] == "scoring failed"
    assert table.loc["vace_pe_ie", "face_fid"] == first.loc["vace_pe_ie", "face_fid"]
    newest = store.parents()[0]
    status = {name: run.info.status for name, run in store.children(newest).items()}
    assert status == {"vace": "FAILED", "vace_pe_ie": "FINISHED", "hailuo": "FINISHED"}

    clip.write_bytes(content)
    with_sets.run("scoring", "moe_selection")
    pd.testing.assert_frame_equal(set_scores(with_sets), first, check_exact=True)


def test_evaluation_of_clips_made_elsewhere_has_them_too(with_sets: Project) -> None:
    with_sets.run()
    clips = with_sets.data / "07_model_output" / "clips"
    expected = set_scores(with_sets)
    with_sets.run("evaluate", clips_root=str(clips), data_root=str(with_sets.folder / "elsewhere"))
    found = pd.read_parquet(with_sets.folder / "elsewhere/08_reporting/set_scores.parquet")
    assert found.set_index("variant")["face_fid"].to_dict() == expected["face_fid"].to_dict()


def test_without_a_scorer_of_sets_nothing_is_done(project: Project) -> None:
    project.run("full")
    assert work_on_sets(project) == []
    assert project.table("08_reporting/set_scores.parquet").empty
    assert project.files("07_model_output/set_scores/v*") == []
    assert "face_fid" not in (project.data / "08_reporting" / "report.html").read_text()


def test_switched_off_later_its_numbers_are_gone_and_kept_for_when_it_is_on(
    with_sets: Project,
) -> None:
    with_sets.run()
    with_sets.configure(scoring={"set_scorer": None})
    with_sets.run()
    assert set_scores(with_sets).empty
    record = with_sets.data / "07_model_output/set_scores/vace.json"
    assert json.loads(record.read_text())["value"]["values"]["face_crops"] == 3


def test_an_unknown_scorer_of_sets_is_named(project: Project) -> None:
    project.configure(scoring={"set_scorer": "nobody"})
    with pytest.raises(RunStopped, match=r"scoring\.set_scorer: no model 'nobody'"):
        project.run()


def test_a_scorer_of_single_clips_is_refused_for_sets(project: Project) -> None:
    project.configure(scoring={"set_scorer": "mini_face"})
    with pytest.raises(
        RunStopped, match=r"scoring\.set_scorer: models\.mini_face .* has no method score_set"
    ):
        project.run()

"""Runs without some of their models: what is left is made, scored and reported, and says what is not and why."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from project import STAGES, Project
from tpige_kedro.hooks.errors import RunStopped

MAKING = STAGES[:3]  # up to the clips
AWAY: dict[str, Any] = {"source": "data/06_models/never/made"}
OTHER = {"variants": {"phantom": {"generator": "mini_phantom"}}}


def status(project: Project) -> pd.DataFrame:
    return project.table("07_model_output/variant_status.parquet").set_index("variant")


def made(project: Project) -> set[str]:
    return {name.split("/")[-2] for name in project.files("07_model_output/clips/*/*.mp4")}


def scores(project: Project) -> pd.DataFrame:
    return project.table("08_reporting/scores.parquet")


def test_a_variant_without_weights_is_skipped_and_the_report_says_why(project: Project) -> None:
    project.configure(models={"mini_phantom": AWAY}, **OTHER)
    project.run(*STAGES, "reporting")
    assert made(project) == {"vace", "vace_pe_ie"}
    found = status(project)
    assert list(found.loc[["hailuo", "phantom"], "status"]) == ["skipped", "skipped"]
    assert "never/made" in found.loc["phantom", "reason"]
    (report,) = project.data.rglob("report.html")
    assert "never/made" in report.read_text()
    assert set(scores(project)["variant"]) == {"vace", "vace_pe_ie"}


def test_strict_stops(project: Project) -> None:
    project.configure(models={"mini_phantom": AWAY}, **OTHER)
    with pytest.raises(RunStopped, match=r"models\.mini_phantom \(variants\.phantom\.generator\)"):
        project.run(strict=True)
    assert project.work == []


def test_the_weights_come_later_and_only_their_variant_is_made(project: Project) -> None:
    project.configure(models={"mini_phantom": AWAY}, **OTHER)
    project.run(*MAKING)
    project.configure(models={"mini_phantom": {"source": None}})
    project.forget_work()
    project.run(*MAKING)
    assert [line for line in project.work if line.startswith("generate")] == [
        "generate s1",
        "generate s2",
    ]
    assert made(project) == {"vace", "vace_pe_ie", "phantom"}


def test_without_a_reader_the_original_prompts_are_used(project: Project) -> None:
    project.configure(models={"mini_reader": {"needs": ["READER_KEY"]}})
    project.run(*MAKING)
    assert made(project) == {"vace"}
    assert "READER_KEY" in status(project).loc["vace_pe_ie", "reason"]
    assert not [line for line in project.work if "read" in line or "edit" in line]


def test_without_an_editor_nothing_is_drawn(project: Project) -> None:
    project.configure(models={"mini_still": AWAY})
    project.run(*MAKING)
    assert made(project) == {"vace"}
    assert "read face" in project.work and "load editor" not in project.work


def test_a_scorer_of_no_part_of_overall_is_left_out_with_its_reason(project: Project) -> None:
    scorers = ["mini_face", "mini_alignment", "mini_motion", "mini_imaging", "clip"]
    clip = {"type": "fakes.ClipScorer", "licence": "x", "needs": ["CLIP_KEY"]}
    project.configure(models={"clip": clip}, scoring={"scorers": scorers})
    project.run()
    found = scores(project)
    assert found["clip_score"].isna().all() and found["overall"].notna().all()
    assert found["clip_score_reason"].str.contains("CLIP_KEY").all()
    project.forget_work()
    project.configure(models={"clip": {"needs": []}})
    project.run()
    assert (scores(project)["clip_score"] == 0.25).all()
    assert "score" not in project.work, "the others are not asked again"


@pytest.mark.parametrize("apart", [False, True])
def test_a_scorer_that_breaks_at_loading_leaves_the_others_their_values(
    project: Project, apart: bool
) -> None:
    scorers = ["broken", "mini_face", "mini_alignment", "mini_motion", "mini_imaging"]
    project.configure(
        models={"broken": {"type": "fakes.Unloadable", "licence": "x"}},
        scoring={"scorers": scorers, "one_family_at_a_time": apart},
    )
    with pytest.raises(RunStopped, match=r"models\.broken cannot be loaded \(half a file\)"):
        project.run()
    assert project.work.count("load unloadable") == 1
    assert scores(project)["overall"].notna().all()


def test_a_generator_that_breaks_at_loading_fails_by_name_and_the_others_go_on(
    project: Project,
) -> None:
    project.configure(
        models={"mini_phantom": {"type": "fakes.Unloadable"}},
        variants={"phantom": {"generator": "mini_phantom"}, "later": {"generator": "mini_vace"}},
    )
    with pytest.raises(RunStopped, match=r"models\.mini_phantom cannot be loaded \(half a file\)"):
        project.run()
    assert made(project) == {"vace", "vace_pe_ie", "later"}
    assert project.work.count("load unloadable") == 1
    assert set(scores(project).dropna(subset="overall")["variant"]) == {
        "vace",
        "vace_pe_ie",
        "later",
    }


def test_an_editor_that_breaks_at_loading_fails_its_references_alone(project: Project) -> None:
    project.configure(models={"mini_still": {"type": "fakes.Unloadable"}})
    with pytest.raises(RunStopped, match=r"models\.mini_still or models\.mini_identity"):
        project.run(*MAKING)
    assert made(project) == {"vace"}

"""Runs of some of the variants: nobody makes, scores, chooses or shows the others, and their files stay as they are."""

from __future__ import annotations

import re

import pytest

from mlflow_store import Store
from project import Project
from tpige_kedro.hooks.errors import RunStopped

OTHER = {"generator": "mini_phantom", "prompt": "enhanced", "reference": "enhanced"}
VARIANT_TABLE = "08_reporting/variant_table.csv"


@pytest.fixture(autouse=True)
def two_variants(project: Project) -> None:
    """With a name that neither the paper's tables nor the list of models has."""
    variants = {"other_one": OTHER, "vace_pe_ie": None, "hailuo": None}
    project.configure(variants=variants, moe={"experts": ["vace", "other_one"]})


def shown(project: Project) -> str:
    """All that a reader reads."""
    files = [*project.data.glob("08_reporting/**/*.html"), project.data / VARIANT_TABLE]
    return re.sub(r"data:[^\"']+", "data:", "".join(file.read_text() for file in files))


def scored(project: Project) -> set[str]:
    return set(project.table("08_reporting/scores.parquet")["variant"])


def test_only_the_chosen_variant_is_made_and_shown(project: Project) -> None:
    project.run("full", run_variants="vace")
    clips = project.files("07_model_output/clips/**/*.mp4")
    assert clips == [f"07_model_output/clips/vace/s{n}.mp4" for n in (1, 2)]
    assert not any("edit" in line.lower() for line in project.work), project.work
    assert scored(project) == {"vace"}
    assert "other_one" not in shown(project)
    with pytest.raises(RunStopped, match=r"variants\.other_one\.promt: unknown key"):
        project.run("full", run_variants="vace", variants={"other_one": {"promt": "enhanced"}})
    with pytest.raises(RunStopped, match=r"no variant 'vase' .*did you mean vace\?"):
        project.run("full", run_variants=["vase"])


def test_results_of_the_others_are_neither_used_nor_touched(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.run("full")
    assert scored(project) == {"vace", "other_one"} and "other_one" in shown(project)
    others = {f: f.stat().st_mtime_ns for f in project.data.glob("07_*/clips/other_one/*")}
    with pytest.raises(RunStopped, match="were computed with other_one as well"):
        project.run("reporting", run_variants=["vace"])
    project.forget_work()
    project.run("moe_selection", "reporting", run_variants=["vace"])
    assert "other_one" not in shown(project)
    project.run("scoring", run_variants=["vace"])
    assert scored(project) == {"vace"}
    project.run("full", run_variants=["vace"])
    assert {f: f.stat().st_mtime_ns for f in others} == others and len(others) == 4
    assert "made no clips" not in caplog.text
    project.run("scoring", run_variants=["vace", "other_one"])
    assert "the latest run made no clips of other_one" in caplog.text
    project.run("full")
    assert "other_one" in shown(project)
    assert {f: f.stat().st_mtime_ns for f in others} == others
    assert not [line for line in project.work if "generate" in line.lower()], project.work


def test_a_sweep_of_ten_values_is_one_entry_one_command_and_one_curve(project: Project) -> None:
    values = [0, 0.125, 0.25, 0.375, 0.5, 0.75, 1, 1.25, 1.5, 2]
    project.configure(variants={"vace": {"guidance": {"identity_weight": values}}})
    project.run("full", run_variants="vace", moe={"baseline": None})
    names = [f"vace_identity_weight_{value}".replace(".", "p") for value in values]
    assert scored(project) == set(names)
    assert {f.name for f in project.data.glob("07_model_output/clips/*") if f.is_dir()} == set(
        names
    )
    status = project.table("07_model_output/variant_status.parquet")
    assert list(status["variant"]) == names
    assert list(status["identity_weight"]) == values
    assert all(name in shown(project) for name in names)
    assert project.files("08_reporting/sweeps/*.svg") == ["08_reporting/sweeps/vace.svg"]
    picture = (project.data / "08_reporting/sweeps/vace.svg").read_text()
    overall = picture.partition('data-metric="overall"')[2].partition("data-metric=")[0]
    assert re.findall(r'data-variant="(\w+)"', overall) == names
    assert picture in (project.data / "08_reporting/report.html").read_text()


def test_a_later_environment_may_sweep_and_choose_in_its_files(
    project: Project, store: Store
) -> None:
    sweep = {"other_one": {"guidance": {"text_weight": [1, 2.5], "identity_weight": [0.5]}}}
    project.configure(variants=sweep, run_variants=["vace", "other_one"])
    project.run("full")
    points = [f"other_one_text_weight_{w}_identity_weight_0p5" for w in ("1", "2p5")]
    assert scored(project) == {"vace", *points}
    assert store.children(store.parents()[0]).keys() == {"vace", *points}
    differences = project.table("08_reporting/variant_differences.parquet")
    assert {(p, "vace") for p in points} <= {*zip(differences["variant"], differences["against"], strict=True)}  # fmt: skip


def test_a_choice_of_none_that_can_be_made_stops_the_run(project: Project) -> None:
    project.configure(variants={"hailuo": {"generator": "hailuo"}})
    with pytest.raises(RunStopped, match="no variant can be made"):
        project.run("full", run_variants="hailuo")
    assert project.work == []

"""Whole runs with stand-in models: what is made, what is redone, what is resumed."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from project import STAGES, Project, row
from tpige_kedro.datasets import ItemFolder
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.pipelines.reporting.gallery import read_gallery

TABLES = ["scores", "selection", "variant_summary", "win_shares"]


def tables(project: Project) -> dict[str, pd.DataFrame]:
    return {name: project.table(f"08_reporting/{name}.parquet") for name in TABLES}


def assert_same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(one[name], other[name], check_exact=True)


def record(project: Project, variant: str, sample: str) -> dict[str, Any]:
    path = project.data / "07_model_output" / "clips" / variant / f"{sample}.json"
    return json.loads(path.read_text())  # type: ignore[no-any-return]


def failed(project: Project, folder: str) -> set[str]:
    """The items of a folder whose latest attempt failed."""
    clip = "tpige_kedro.datasets.Mp4Dataset"
    dataset = ItemFolder(path=str(project.data / folder), suffix=".mp4", dataset=clip)
    return set(dataset.load().failures)


def test_a_run_leaves_clips_records_tables_and_a_report(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "tpige_kedro"):
        project.run("full")
    assert f"the report: {project.data / '08_reporting' / 'report.html'}" in caplog.text
    assert project.files("07_model_output/clips/**/*.mp4") == [
        f"07_model_output/clips/{variant}/{sample}.mp4"
        for variant in ("vace", "vace_pe_ie")
        for sample in ("s1", "s2")
    ]
    made = record(project, "vace_pe_ie", "s1")
    assert made["prompt"] != "A man reads." and made["prompt_source"] == "enhanced"
    for name in ("scores.csv", "selection.csv", "variant_summary.csv", "report.html"):
        assert (project.data / "08_reporting" / name).stat().st_size > 0
    status = project.table("07_model_output/variant_status.parquet").set_index("variant")
    assert status.loc["hailuo", "status"] == "skipped"
    assert status.loc["hailuo", "reason"] == "no key: MINIMAX_API_KEY is not set"
    assert set(tables(project)["scores"]["variant"]) == {"vace", "vace_pe_ie"}
    assert "MINIMAX_API_KEY" in (project.data / "08_reporting" / "report.html").read_text()


def test_the_gallery_links_pages_and_clips_that_are_there(project: Project) -> None:
    project.run("full")
    reporting = project.data / "08_reporting"
    found = read_gallery((reporting / "gallery_data.js").read_text())
    assert [sample[0] for sample in found["samples"]] == ["s1", "s2"]
    for variant, scores in found["scores"].items():
        for sample, values in zip(("s1", "s2"), scores, strict=True):
            assert values
            for kind in ("clip", "strip", "page"):
                link = found["links"][kind].format(variant=variant, sample_id=sample)
                assert (reporting / link).is_file(), link
        assert found["facts"][variant]["shared"]["device"] and set(
            found["facts"][variant]["clips"]
        ) == {"s1", "s2"}
    assert 'href="gallery.html"' in (reporting / "report.html").read_text()


def test_a_second_run_makes_nothing_and_loads_nothing(project: Project) -> None:
    project.run("full")
    before = tables(project)
    times = {f: (project.data / f).stat().st_mtime_ns for f in project.files("0*/**/*.*")}
    assert len(times) > 60
    project.forget_work()
    project.run("full")
    assert project.work == []
    assert_same(before, tables(project))
    for file, time in times.items():
        assert (project.data / file).stat().st_mtime_ns == time, f"{file} was written again"


def test_a_changed_variant_redoes_only_itself(project: Project) -> None:
    project.run()
    project.forget_work()
    project.configure(variants={"vace_pe_ie": {"guidance": {"identity_weight": 0.4}}})
    project.run()
    assert project.work.count("generate s1") == project.work.count("generate s2") == 1
    assert project.work.count("score") == 2 * 4, "two clips, four scorers"
    assert not any(line.startswith(("edit", "read")) for line in project.work)
    assert record(project, "vace_pe_ie", "s1")["guidance"]["identity_weight"] == 0.4


def test_changed_weights_score_nothing_again(project: Project) -> None:
    project.run()
    project.forget_work()
    project.configure(scoring={"overall": {"gme_score": 0.5}})
    before = tables(project)["scores"]["overall"]
    project.run()
    assert project.work == []
    assert (tables(project)["scores"]["overall"] != before).all()


def test_a_changed_prompt_redoes_its_own_sample(project: Project) -> None:
    project.run()
    project.forget_work()
    project.write_samples([row(1, prompt="A man reads."), row(2, prompt="A man sleeps.")])
    project.run()
    assert "generate s1" not in project.work and project.work.count("generate s2") == 2


def test_a_new_sample_adds_to_what_is_there(project: Project) -> None:
    project.run()
    project.forget_work()
    project.write_samples([row(1, prompt="A man reads."), row(2, prompt="A man runs."), row(3)])
    project.run()
    assert project.work.count("generate s3") == 2
    assert not {"generate s1", "generate s2"} & set(project.work)
    assert sorted(tables(project)["selection"]["sample_id"]) == ["s1", "s2", "s3"]


def test_a_removed_sample_leaves_the_tables(project: Project) -> None:
    project.run()
    project.write_samples([row(2, prompt="A man runs.")])
    project.run()
    assert set(tables(project)["scores"]["sample_id"]) == {"s2"}


@pytest.mark.parametrize("damage", ["clip deleted", "record broken", "record deleted"])
def test_what_was_damaged_is_made_again_and_the_same(project: Project, damage: str) -> None:
    project.run()
    before, clip = tables(project), project.data / "07_model_output/clips/vace/s1.mp4"
    content = clip.read_bytes()
    file = project.data / "07_model_output/clips/vace/s1.json"
    if damage == "clip deleted":
        clip.unlink()
    elif damage == "record deleted":
        file.unlink()
    else:
        file.write_text(file.read_text()[:50])
    project.forget_work()
    project.run()
    assert [line for line in project.work if line.startswith("generate")] == ["generate s1"]
    assert clip.read_bytes() == content
    assert_same(before, tables(project))


def test_a_variant_is_added_by_an_environment(project: Project) -> None:
    project.run()
    project.forget_work()
    project.configure(
        variants={
            "vace_strong": {
                "generator": "mini_vace",
                "prompt": "enhanced",
                "guidance": {"text_weight": 7.5},
            }
        },
        moe={"experts": ["vace", "vace_pe_ie", "vace_strong"]},
    )
    project.run()
    assert project.work.count("generate s1") == 1, "only the new one"
    assert set(tables(project)["scores"]["variant"]) == {"vace", "vace_pe_ie", "vace_strong"}
    assert record(project, "vace_strong", "s2")["guidance"]["text_weight"] == 7.5
    assert "vace_strong" in set(tables(project)["win_shares"]["variant"])


def test_a_skipped_variant_runs_when_its_key_is_there(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run()
    monkeypatch.setenv("MINIMAX_API_KEY", "secret")
    project.forget_work()
    project.run()
    assert project.work.count("generate s1") == 1
    assert "hailuo" in set(tables(project)["scores"]["variant"])
    assert "secret" not in "".join(f.read_text() for f in project.data.rglob("*.json"))


def test_each_stage_runs_alone_after_those_before_it(project: Project) -> None:
    for stage in (*STAGES, "reporting"):
        project.run(stage)
    apart = tables(project)
    project.run()
    assert_same(apart, tables(project))


def test_a_stage_says_which_one_must_run_before_it(project: Project) -> None:
    with pytest.raises(
        RunStopped,
        match=r"checked_samples does not exist yet.*kedro run --pipelines=prompt_enhancement",
    ):
        project.run("generation_variants")
    assert project.work == []


def test_a_failed_sample_ends_the_run_with_an_error_after_everything_else(project: Project) -> None:
    project.write_samples([row(1, prompt="An unmakeable man."), row(2, prompt="A man runs.")])
    with pytest.raises(RunStopped) as stopped:
        project.run("full")
    message = str(stopped.value)
    assert "2 failed, everything else is finished" in message
    assert "generation_variants.vace_pe_ie" in message and "refused this prompt" in message
    scores = tables(project)["scores"].set_index(["sample_id", "variant"])
    assert scores.loc[("s2", "vace"), "overall"] > 0
    assert scores.loc[("s1", "vace"), "gme_score_reason"] == "no clip"
    assert "refused this prompt" in (project.data / "08_reporting" / "report.html").read_text()
    assert failed(project, "07_model_output/clips") == {"vace/s1", "vace_pe_ie/s1"}

    project.forget_work()
    project.write_samples([row(1, prompt="A man reads."), row(2, prompt="A man runs.")])
    project.run()
    assert "generate s2" not in project.work
    assert failed(project, "07_model_output/clips") == set()


def test_failures_that_are_allowed_end_well(project: Project) -> None:
    project.write_samples([row(1, prompt="An unmakeable man."), row(2)])
    project.run(execution={"max_failures": 2})
    assert len(tables(project)["selection"]) == 2


def test_a_clip_that_fails_after_a_change_is_not_shown_with_its_old_score(project: Project) -> None:
    project.run()
    project.write_samples([row(1, prompt="An unmakeable man."), row(2, prompt="A man runs.")])
    with pytest.raises(RunStopped):
        project.run()
    scores = tables(project)["scores"].set_index(["sample_id", "variant"])
    assert pd.isna(scores.loc[("s1", "vace"), "overall"])


def test_a_missing_metric_is_told_and_never_zero(project: Project) -> None:
    project.write_samples([row(1, prompt="A faceless man."), row(2)])
    project.run()
    scores = tables(project)["scores"].set_index(["sample_id", "variant"])
    assert pd.isna(scores.loc[("s1", "vace"), "arc_score"])
    assert scores.loc[("s1", "vace"), "arc_score_reason"] == "no face in any frame"
    selection = tables(project)["selection"].set_index("sample_id")
    assert pd.isna(selection.loc["s1", "variant"]) and selection.loc["s1", "reason"]

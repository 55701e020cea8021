"""A whole run with draws of one variant: other clips, and the selection against the best of as many of them."""

from __future__ import annotations

import pytest
import yaml

from project import Project

DRAWS = ("vace", "vace_1", "vace_2")


def test_draws_are_made_scored_and_reported(project: Project) -> None:
    project.run()
    clips = project.files("07_model_output/clips/vace/*.mp4")
    before = {clip: (project.data / clip).stat().st_mtime_ns for clip in clips}
    file = project.conf / "base" / "parameters_variants.yml"
    variants = yaml.safe_load(file.read_text())["variants"]
    for draw in (1, 2):
        variants[f"vace_{draw}"] = {**variants["vace"], "draw": draw}
    file.write_text(yaml.safe_dump({"variants": variants}))
    project.configure(moe={"equal_budget": list(DRAWS)})
    project.run("full")
    # draw 0 is the clip that was there before anybody spoke of draws
    assert before == {clip: (project.data / clip).stat().st_mtime_ns for clip in before}
    records = project.data / "07_model_output" / "clips"
    hashes = {yaml.safe_load((records / v / "s1.json").read_text())["frames_hash"] for v in DRAWS}
    assert len(hashes) == 3
    scores = project.table("08_reporting/scores.parquet").set_index(["variant", "sample_id"])
    summary = project.table("08_reporting/variant_summary.parquet")
    mean = summary.set_index(["variant", "metric"])["mean"]
    two = [scores.loc[v, "overall"] for v in DRAWS[:2]]  # hailuo is skipped: two experts
    best = two[0].combine(two[1], max).mean()
    assert mean["best_of_n", "overall"] == pytest.approx(best)
    differences = project.table("08_reporting/variant_differences.parquet")
    assert ("moe", "best_of_n") in set(
        zip(differences["variant"], differences["against"], strict=True)
    )
    report = (project.data / "08_reporting" / "report.html").read_text()
    assert "Best of n draws" in report and "draw 2" in report

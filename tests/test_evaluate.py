"""Scoring alone, of clips made elsewhere: every layout, and every way in which a clip can be bad."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from project import ROOT, Project, row
from tpige_kedro.datasets.mp4 import Clip, Mp4Dataset
from tpige_kedro.hooks.errors import RunStopped


def write_clip(file: Path, frames: int = 5, side: int = 32, level: int = 90) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((frames, side, side, 3), level, np.uint8)
    Mp4Dataset(filepath=str(file)).save(Clip(pixels, 8))


def write_changing_clip(file: Path) -> None:
    """Frames of two sizes in one file; Motion JPEG allows it."""
    import av

    with av.open(str(file), "w") as out, av.open(str(file) + ".x.mp4", "w") as aside:
        streams = []
        for container, side in ((out, 64), (aside, 32)):
            stream = container.add_stream("mjpeg", rate=8)
            stream.width, stream.height, stream.pix_fmt = side, side, "yuvj420p"
            streams.append((stream, side))
        for i in range(6):
            stream, side = streams[i // 3]
            frame = av.VideoFrame.from_ndarray(np.zeros((side, side, 3), np.uint8), format="rgb24")
            frame.pts = i
            for packet in stream.encode(frame):
                packet.stream, packet.pts, packet.dts = streams[0][0], i, i
                packet.time_base = Fraction(1, 8)
                out.mux(packet)
    Path(str(file) + ".x.mp4").unlink(missing_ok=True)


@pytest.fixture
def clips(project: Project) -> Path:
    """Clips of the two samples by two methods, and no consent of anybody."""
    folder = project.folder / "elsewhere"
    for level, method in ((60, "theirs"), (120, "vace")):
        for sample in ("s1", "s2"):
            write_clip(folder / method / f"{sample}.mp4", level=level)
    project.write_samples([row(1, consent=""), row(2, consent="")])
    return folder


def scores(project: Project) -> pd.DataFrame:
    return project.table("08_reporting/scores.parquet").set_index(["variant", "sample_id"])


def evaluate(project: Project, clips: Path, **params: Any) -> pd.DataFrame:
    project.run("evaluate", clips_root=str(clips), **params)
    return scores(project)


def test_clips_are_scored_and_compared_and_nothing_is_made(project: Project, clips: Path) -> None:
    table = evaluate(project, clips)
    assert sorted(table.index) == [(v, s) for v in ("theirs", "vace") for s in ("s1", "s2")]
    assert table["overall"].notna().all()
    assert set(project.work) == {"load scorer", "score"}, "nobody was read, redrawn or generated"
    copied = project.data / "07_model_output/clips/theirs/s1.mp4"
    assert copied.read_bytes() == (clips / "theirs/s1.mp4").read_bytes(), "bit for bit"
    record = json.loads((project.data / "07_model_output/clips/theirs/s1.json").read_text())
    assert record["maker"]["licence"] == "of the clips' owner"
    wins = project.table("08_reporting/win_shares.parquet")
    assert wins["variant"].tolist() == ["theirs", "vace"], (
        "one expert alone is no choice: all take part"
    )
    page = (project.data / "08_reporting/report.html").read_text()
    assert "theirs" in page and "vace_pe_ie" not in page


def test_two_people_of_a_large_set_are_scored_and_the_run_succeeds(project: Project) -> None:
    people, clips = project.folder / "people", project.folder / "clips"
    for person in ("id1", "id20251128"):
        (people / person).mkdir(parents=True)
        Image.new("RGB", (32, 32), (90, 80, 70)).save(people / person / "image.png")
        for k in range(1, 6):
            (people / person / f"prompt{k}.txt").write_text(f"A man waves {k} times.")
            write_clip(clips / f"{person}_{k}.mp4", level=40 + 8 * k)
    project.run("evaluate", samples_root=str(people), clips_root=str(clips))
    assert scores(project)["overall"].notna().sum() == 10
    assert project.table("08_reporting/failures.parquet").empty


def test_experts_of_the_files_choose_among_themselves(project: Project, clips: Path) -> None:
    shutil.copytree(clips / "theirs", clips / "vace_pe_ie")
    evaluate(project, clips)
    wins = project.table("08_reporting/win_shares.parquet")
    assert sorted(wins["variant"]) == ["vace", "vace_pe_ie"], "and `theirs` is beside them"
    assert "theirs" in scores(project).index


def test_a_second_evaluation_scores_nothing_and_a_new_clip_alone(
    project: Project, clips: Path
) -> None:
    first = evaluate(project, clips)
    project.forget_work()
    pd.testing.assert_frame_equal(evaluate(project, clips), first, check_exact=True)
    assert project.work == []
    write_clip(clips / "theirs" / "s2.mp4", level=200)
    again = evaluate(project, clips)
    assert project.work.count("score") == 4, "four scorers, one clip"
    assert again.loc[("theirs", "s2"), "overall"] > first.loc[("theirs", "s2"), "overall"]


def test_who_did_not_consent_is_scored_but_nothing_is_generated_from_it(
    project: Project, clips: Path
) -> None:
    evaluate(project, clips)
    with pytest.raises(RunStopped, match="checked_samples does not exist yet"):
        project.run("generation_variants")
    assert not any(line.startswith("generate") for line in project.work)


def test_scoring_alone_works_on_what_a_run_left(project: Project) -> None:
    project.run()
    shutil.rmtree(project.data / "07_model_output" / "clip_scores")
    project.forget_work()
    project.run("scoring")
    assert project.work.count("score") == 2 * 2 * 4
    assert not any(line.startswith(("generate", "edit", "read")) for line in project.work)


def test_imported_clips_may_stand_beside_generated_ones(project: Project, clips: Path) -> None:
    project.write_samples([row(1), row(2)])
    model = {
        "type": "tpige_kedro.video_generators.imported.Imported",
        "source": str(clips),
        "licence": "of the clips' owner",
    }
    project.configure(models={"elsewhere": model}, variants={"theirs": {"generator": "elsewhere"}})
    project.run("full")
    assert scores(project).loc["theirs", "overall"].notna().all()
    assert project.work.count("generate s1") == 2, "vace and vace_pe_ie"
    project.forget_work()
    project.run("evaluate")
    assert project.work == [], "what the run scored holds"
    assert scores(project).loc["vace", "overall"].notna().all(), (
        "what was generated here counts too"
    )


def test_the_authors_layout(project: Project, clips: Path) -> None:
    root = project.folder / "ID_eval"
    shutil.copytree(clips / "theirs", root)
    (root / "prompts").mkdir()
    (root / "ID_image").mkdir()
    for sample in ("s1", "s2"):
        (root / f"{sample}.mp4").rename(root / f"{sample}_1.mp4")
        (root / "prompts" / f"{sample}_1.txt").write_text("A man waves.")
        shutil.copy(
            next((project.samples / "references").iterdir()), root / "ID_image" / f"{sample}.png"
        )
    table = evaluate(project, root, samples_root=str(root))
    assert sorted(table.index) == [("imported", "s1_1"), ("imported", "s2_1")]
    (root / "prompts" / "s2_1.txt").unlink()
    with pytest.raises(
        RunStopped, match=r"1 failed(.|\n)*s2_1 .*s2_1\.txt is missing; write the prompt"
    ):
        evaluate(project, root, samples_root=str(root))
    assert sorted(scores(project).index) == [("imported", "s1_1")]


BAD = {
    "corrupt": (lambda f: f.write_bytes(f.read_bytes()[:200]), "not a readable clip"),
    "empty": (lambda f: f.write_bytes(b""), "not a readable clip"),
    "no video at all": (lambda f: f.write_text("this is no clip"), "not a readable clip"),
    "changing size": (write_changing_clip, r"the size of its frames changes \(64x64, 32x32\)"),
    "missing": (lambda f: f.unlink(), r"no clip .*theirs/s1\.mp4; put it there"),
}


@pytest.mark.parametrize("damage", BAD)
def test_a_bad_clip_is_told_once_and_the_others_go_on(
    project: Project, clips: Path, damage: str
) -> None:
    spoil, message = BAD[damage]
    spoil(clips / "theirs" / "s1.mp4")
    with pytest.raises(RunStopped, match=rf"1 failed(.|\n)*s1 .*{message}"):
        evaluate(project, clips)
    table = scores(project)
    assert pd.isna(table.loc[("theirs", "s1"), "overall"])
    assert table["overall"].notna().sum() == 3
    told = pd.read_csv(project.data / "08_reporting" / "failures.csv")
    assert told["item"].tolist() == ["s1"] and "theirs" in told["stage"].iloc[0]

    write_clip(clips / "theirs" / "s1.mp4")
    assert evaluate(project, clips)["overall"].notna().all(), "fixed, and nothing is left of it"
    assert pd.read_csv(project.data / "08_reporting" / "failures.csv").empty


def test_a_folder_without_clips_is_told_before_anything_runs(project: Project, clips: Path) -> None:
    empty = project.folder / "empty"
    empty.mkdir()
    with pytest.raises(RunStopped, match=r"no clip in .*empty; put clips there as <variant>"):
        evaluate(project, empty)
    with pytest.raises(RunStopped, match="is not a directory"):
        evaluate(project, project.folder / "nowhere")
    bad = project.folder / "bad"
    shutil.copytree(clips / "theirs", bad / "our method")
    with pytest.raises(RunStopped, match="our method"):
        evaluate(project, bad)


def show_portrait(file: Path, portrait: Image.Image, frames: int, side: int) -> None:
    """A clip of a portrait that does not move."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.asarray(portrait.convert("RGB").resize((side, side)))
    Mp4Dataset(filepath=str(file)).save(Clip(np.repeat(pixels[None], frames, 0), 8))


def test_short_and_small_clips_with_the_real_mini_scorers(project: Project) -> None:
    real = replace(project, env="test")
    (real.conf / "test" / "mlflow.yml").write_text("enabled: false\n")
    portraits = ROOT / "data" / "01_raw" / "demo" / "references"
    shutil.copytree(portraits, real.samples / "references", dirs_exist_ok=True)
    real.write_samples([row(1, reference="person01.png", consent="")])
    portrait = Image.open(portraits / "person01.png")
    clips = real.folder / "elsewhere"
    kinds = {"one_frame": (1, 80), "eight_frames": (8, 80), "hundred_by_hundred": (9, 100)}
    for name, (frames, side) in kinds.items():
        show_portrait(clips / name / "s1.mp4", portrait, frames, side)
    table = evaluate(real, clips).xs("s1", level="sample_id")
    for name in ("eight_frames", "hundred_by_hundred"):
        assert table.loc[name, "overall"] > 0 and table.loc[name, "face_rate"] == 1
    alone = table.loc["one_frame"]
    assert pd.isna(alone["motion_smoothness"]) and pd.isna(alone["overall"])
    assert alone["motion_smoothness_reason"] == "needs at least 3 frames, the clip has 1"
    assert alone["overall_reason"] == "no motion_smoothness"
    assert alone["cur_score"] > 0.9 and alone["imaging_quality"] > 0

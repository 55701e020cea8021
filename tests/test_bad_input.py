"""What users get wrong: a clear message before expensive work where it can be known, the other samples go on where not."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError
from PIL import Image

from project import Project, row
from tpige_kedro.datasets.mp4 import Mp4Dataset
from tpige_kedro.hooks.errors import RunStopped


def stopped(project: Project, message: str, *names: str, **params: Any) -> str:
    """The message that a run ends with."""
    with pytest.raises(RunStopped, match=message) as error:
        project.run(*names, **params)
    return str(error.value)


def made_clips_of(project: Project) -> set[str]:
    return {Path(file).stem for file in project.files("07_model_output/clips/vace/*.mp4")}


# --- known before anything runs -------------------------------------------------------------------------------------


def test_a_missing_samples_folder(project: Project) -> None:
    stopped(
        project,
        "nowhere/samples.csv does not exist; set samples_root",
        samples_root=str(project.folder / "nowhere"),
    )
    assert project.work == [] and not project.data.exists()


def test_a_missing_references_folder(project: Project) -> None:
    (project.samples / "references").rename(project.samples / "photos")
    stopped(project, "references: .*references does not exist; set samples_root")
    assert project.work == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "samples.csv is empty"),
        ("sample_id,person_id,prompt,reference,consent\n", "lists no sample"),
        ("sample_id,prompt\ns1,A man.\n", "person_id"),
    ],
)
def test_a_samples_file_without_samples(project: Project, content: str, message: str) -> None:
    (project.samples / "samples.csv").write_text(content)
    stopped(project, message)
    assert project.work == []


def test_an_unknown_key_of_a_variant(project: Project) -> None:
    project.configure(variants={"vace": {"promt": "enhanced"}})
    stopped(project, r"variants\.vace\.promt: unknown key")
    assert project.work == []


def test_a_wrong_type_on_the_command_line(project: Project) -> None:
    stopped(project, r"seed: .*given: 'seven'", seed="seven")


def test_a_variant_whose_model_is_not_there(project: Project) -> None:
    project.configure(variants={"vace": {"generator": "vace_14b"}})
    stopped(project, r"variants\.vace\.generator: no model 'vace_14b' under models \(there are \[")


def test_missing_weights(project: Project) -> None:
    project.configure(models={"mini_vace": {"source": "data/06_models/never/made"}})
    message = stopped(
        project,
        r"models\.mini_vace \(variants\.vace.*generator\): .*never/made.*no such file or folder",
    )
    assert "set models.<name>.source" in message and project.work == []


def test_a_model_class_that_is_not_there(project: Project) -> None:
    project.configure(models={"mini_face": {"type": "tpige_kedro.metrics.nowhere.Scorer"}})
    stopped(
        project,
        r"models\.mini_face \(scoring\.scorers\): .*no module 'tpige_kedro\.metrics\.nowhere'",
    )
    assert project.work == []


def test_a_class_name_with_a_typo(project: Project) -> None:
    project.configure(models={"mini_reader": {"type": "fakes.Raeder"}})
    stopped(project, r"fakes\.Raeder.*set models\.<name>\.type")


def test_a_reader_without_its_key(project: Project) -> None:
    project.configure(models={"mini_reader": {"needs": ["READER_KEY"]}})
    stopped(
        project,
        r"models\.mini_reader \(prompt_enhancement\.reader\): needs .*READER_KEY; set it",
        strict=True,
    )


@pytest.mark.parametrize("place", ["a file", "a system folder"])
def test_a_place_that_cannot_be_written_to(project: Project, place: str) -> None:
    if place == "a file":
        project.data.write_text("in the way")
    root = str(project.data) if place == "a file" else "/proc/nowhere"
    stopped(project, "cannot be written to .*data_root", data_root=root)
    assert project.work == []


# --- of single samples: the others go on --------------------------------------------------------------------------


def corrupt(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def one_pixel(path: Path) -> None:
    Image.new("RGB", (1, 1)).save(path)


def enormous(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


def vanished(path: Path) -> None:
    path.unlink()


def no_picture(path: Path) -> None:
    path.write_text("<html>404</html>")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (corrupt, "damaged or not a picture"),
        (one_pixel, "1x1 pixels"),
        (enormous, "scale it down"),
        (vanished, "is not in the folder references"),
        (no_picture, "its content is HTML"),
    ],
)
def test_a_bad_picture_leaves_out_its_sample(project: Project, damage: Any, message: str) -> None:
    damage(project.samples / "references" / "r1.png")
    told = stopped(project, message)
    assert "1 failed, everything else is finished" in told and "s1 " in told
    assert made_clips_of(project) == {"s2"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "   "}, "prompt is empty"),
        ({"prompt": "A man. " * 1500}, "characters"),
        ({"sample_id": "../outside"}, "cannot name a file"),
        ({"sample_id": "a/b"}, "cannot name a file"),
        ({"sample_id": ""}, "cannot name a file"),
        ({"sample_id": "s2"}, "same sample_id"),
        ({"person_id": "…"}, "cannot name a file"),
        ({"reference": "../samples.csv"}, "is a path"),
        ({"consent": "absent"}, "no consent .*set the parameter consent"),
        ({"consent": ""}, "no consent .*set the parameter consent"),
        ({"consent": "sure"}, "'sure' is not one of granted"),
    ],
)
def test_a_bad_row_is_left_out(project: Project, changes: dict[str, str], message: str) -> None:
    good = row(2)
    project.write_samples([good, row(1)])
    lines = (project.samples / "samples.csv").read_text().splitlines()
    bad = {**row(1), **changes}
    lines[2] = ",".join(f'"{bad[column]}"' for column in lines[0].split(","))
    (project.samples / "samples.csv").write_text("\n".join(lines) + "\n")
    told = stopped(project, message)
    assert "1 failed, everything else is finished" in told
    assert made_clips_of(project) == {"s2"}
    assert not list(project.folder.rglob("outside*"))


def test_consent_can_be_stated_once_for_all(project: Project) -> None:
    project.write_samples([row(1, consent=""), row(2, consent="")])
    stopped(project, "no sample can be used(.|\n)*no consent")
    assert project.work == []
    project.configure(consent="granted")
    project.run()
    assert made_clips_of(project) == {"s1", "s2"}


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "L", "P"])
def test_unusual_pictures_are_used(project: Project, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.new("RGB", (40, 40), (200, 30, 30)).convert(mode).save(
        project.samples / "references" / f"x.{suffix}"
    )
    project.write_samples([row(1, reference=f"x.{suffix}")])
    project.run("prompt_enhancement", "reference_enhancement", "generation_variants")
    assert made_clips_of(project) == {"s1"}


# --- the disk --------------------------------------------------------------------------------------------------------


def test_a_full_disk_names_the_file_and_loses_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = Mp4Dataset.save, []

    def fills_up(self: Mp4Dataset, data: Any) -> None:
        if saved:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        saved.append(data)
        save(self, data)

    monkeypatch.setattr(Mp4Dataset, "save", fills_up)
    stopped(
        project, r"cannot save .*vace/s2\.mp4: No space left on device; the disk is full.*are kept"
    )
    assert made_clips_of(project) == {"s1"} and not list(project.data.rglob(".tmp-*"))

    monkeypatch.undo()
    monkeypatch.setenv("FAKES_LOG", str(project.folder / "fakes.log"))
    project.forget_work()
    project.run()
    assert "read face" not in project.work
    assert next(w for w in project.work if w.startswith("generate")) == "generate s2"


def test_a_clip_that_cannot_be_decoded_fails_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Mp4Dataset.load

    def one_fails(self: Mp4Dataset) -> Any:
        if self._filepath.endswith("vace/s1.mp4"):
            raise DatasetError("vace/s1.mp4 is not a readable clip")
        return load(self)

    monkeypatch.setattr(Mp4Dataset, "load", one_fails)
    told = stopped(project, r"s1\.mp4 is not a readable clip")
    assert "1 failed" in told
    scores = project.table("08_reporting/scores.parquet").set_index(["sample_id", "variant"])
    assert scores.loc[("s1", "vace"), "gme_score_reason"] == "scoring failed"
    assert scores.loc[("s2", "vace"), "overall"] > 0


@pytest.mark.parametrize("damage", ["emptied", "cut", "of another sample"])
def test_a_clip_that_is_not_what_was_saved_is_made_again(
    project: Project, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    project.run()
    before = project.table("08_reporting/scores.parquet")
    clip = project.data / "07_model_output" / "clips" / "vace" / "s1.mp4"
    content = clip.read_bytes()
    other = clip.with_name("s2.mp4").read_bytes()
    clip.write_bytes({"emptied": b"", "cut": content[:100], "of another sample": other}[damage])
    project.forget_work()
    project.run()
    assert [w for w in project.work if w.startswith("generate")] == ["generate s1"]
    assert "score" not in project.work, "the same clip came out: its scores hold"
    assert clip.read_bytes() == content
    assert "not as they were saved, made again: clips/vace/s1.mp4" in caplog.text
    pd.testing.assert_frame_equal(project.table("08_reporting/scores.parquet"), before)


def test_results_of_version_0_1_are_recognised_and_left_alone(project: Project) -> None:
    record = project.data / "07_model_output" / "records" / "vace" / "s1.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    told = stopped(project, r"holds results of version 0\.1.*set another data_root")
    assert "--pipelines=evaluate" in told and project.work == []
    assert project.files("**/*.*") == ["07_model_output/records/vace/s1.json"]


def test_a_model_that_crashes_stops_the_run_and_keeps_what_is_finished(project: Project) -> None:
    project.write_samples([row(1), row(2, prompt="A man at a crash.")])
    with pytest.raises(MemoryError, match="no memory left"):
        project.run()
    assert made_clips_of(project) == {"s1"}

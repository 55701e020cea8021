"""Clips made elsewhere: taken in as they are, looked at again only where size or time say so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clip_stage import MODEL, PLAIN, SAMPLES, Stage

from tpige_kedro.datasets import Clip, ItemFolder, Mp4Dataset
from tpige_kedro.execution.tally import tallies
from tpige_kedro.pipelines.scoring.nodes import score_clips
from tpige_kedro.schemas import ModelSpec, Scoring, Variant
from tpige_kedro.video_generators.imported import IMPORTED


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The folder of somebody's clips: two of the variant ``theirs``."""
    folder = tmp_path / "elsewhere"
    (folder / "theirs").mkdir(parents=True)
    for grey, sample in ((60, "s1"), (200, "s2")):
        frames = np.full((3, 32, 32, 3), grey, np.uint8)
        Mp4Dataset(filepath=str(folder / "theirs" / f"{sample}.mp4")).save(Clip(frames, 8, sample))
    return folder


@pytest.fixture
def importing(stage: Stage, elsewhere: Path) -> Stage:
    """One variant that is generated here, one that comes from elsewhere."""
    spec = ModelSpec(type=IMPORTED, source=str(elsewhere), licence="their own")
    stage.models = {"m": MODEL, "files": spec}
    stage.variants = {"v": PLAIN, "theirs": Variant(generator="files")}
    return stage


def inode(stage: Stage, sample: str = "s1") -> int:
    """What changes when a clip is copied again."""
    return (stage.root / "clips" / "theirs" / f"{sample}.mp4").stat().st_ino


def record_of(stage: Stage) -> bytes:
    return (stage.root / "clips" / "theirs" / "s1.json").read_bytes()


def exchange_unseen(file: Path) -> None:
    """Give a file other bytes of the same size and the same time."""
    state, data = file.stat(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_clips_are_taken_in_byte_for_byte_with_a_record(importing: Stage, elsewhere: Path) -> None:
    items = importing.evaluate()
    assert list(items) == ["theirs/s1", "theirs/s2"] and importing.log == []
    source = elsewhere / "theirs" / "s1.mp4"
    assert items["theirs/s1"].path.read_bytes() == source.read_bytes()
    record = items["theirs/s1"].record()
    assert record["imported_from"] == str(source)
    assert (record["variant"], record["sample_id"]) == ("theirs", "s1")
    assert record["people"] == ["p1"]
    assert record["maker"] == {
        "class": IMPORTED,
        "source": str(elsewhere),
        "licence": "their own",
    }
    assert [(t.label, t.made) for t in tallies()] == [("imported_clips.theirs", 2)]


def test_a_source_of_the_same_size_and_time_is_not_read_again(
    importing: Stage, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing.evaluate()
    before = inode(importing), record_of(importing)
    exchange_unseen(elsewhere / "theirs" / "s1.mp4")

    def refuse(*_: object) -> str:
        raise AssertionError("a file was read")

    monkeypatch.setattr(shutil, "copyfile", refuse)
    for room in ("records", "looking"):
        monkeypatch.setattr(f"tpige_kedro.datasets.{room}.sha256_of", refuse)
    items = importing.evaluate()
    assert list(items) == ["theirs/s1", "theirs/s2"]
    assert (inode(importing), record_of(importing)) == before
    assert (tallies()[0].kept, tallies()[0].made) == (2, 0)


def test_a_touched_source_is_copied_again_and_is_the_same_clip(
    importing: Stage, elsewhere: Path
) -> None:
    before, copy = importing.evaluate()["theirs/s1"], inode(importing)
    os.utime(elsewhere / "theirs" / "s1.mp4", (1, 1))
    after = importing.evaluate()["theirs/s1"]
    assert inode(importing) != copy and after.mark == before.mark
    assert (tallies()[0].kept, tallies()[0].made) == (1, 1)


def test_a_touched_source_keeps_its_scores(importing: Stage, elsewhere: Path) -> None:
    folder = ItemFolder(path=str(importing.root / "scores"))
    scorer = ModelSpec(type="fakes.Scorer", licence="tests")
    scoring = Scoring(scorers=("x",), overall={"gme_score": 1.0})
    no_prompts = pd.DataFrame(columns=["sample_id", "enhanced_prompt"])

    def scores() -> list[str]:
        """The scorer's work on the clips as they are."""
        importing.forget()
        clips, references = importing.evaluate(), importing.references.load()
        given = importing.checked, no_prompts, clips, references, {"x": scorer}, scoring
        folder.save(score_clips(*given))
        assert list(folder.load()) == ["theirs/s1", "theirs/s2"]
        return [line for line in importing.log if line == "score"]

    assert scores() == ["score"] * 2
    os.utime(elsewhere / "theirs" / "s1.mp4", (1, 1))
    assert scores() == [], "the clip is the same"
    shutil.copyfile(elsewhere / "theirs" / "s2.mp4", elsewhere / "theirs" / "s1.mp4")
    assert scores() == ["score"]


def test_a_changed_source_is_another_clip(importing: Stage, elsewhere: Path) -> None:
    before = importing.evaluate()
    shutil.copyfile(elsewhere / "theirs" / "s2.mp4", elsewhere / "theirs" / "s1.mp4")
    after = importing.evaluate()
    assert after["theirs/s1"].mark == after["theirs/s2"].mark != before["theirs/s1"].mark


def test_a_damaged_copy_is_taken_in_again(importing: Stage) -> None:
    before = importing.evaluate()["theirs/s1"]
    before.path.write_bytes(b"")
    assert "theirs/s1" not in importing.folder.load()
    assert importing.evaluate()["theirs/s1"].mark == before.mark


def test_a_clip_that_is_not_there_fails_alone(importing: Stage, elsewhere: Path) -> None:
    (elsewhere / "theirs" / "s1.mp4").unlink()
    items = importing.evaluate()
    assert list(items) == ["theirs/s2"]
    message = items.failures["theirs/s1"].message
    assert "sample s1: no clip" in message and "s1.mp4; put it there" in message
    assert tallies()[0].failures[0]["key"] == "s1"


def test_a_source_that_went_away_and_came_back(importing: Stage, elsewhere: Path) -> None:
    importing.evaluate()
    source, rest = elsewhere / "theirs" / "s1.mp4", elsewhere / "rest.mp4"
    copy = inode(importing)
    source.rename(rest)
    items = importing.evaluate()
    assert list(items) == ["theirs/s2"] and list(items.failures) == ["theirs/s1"]
    rest.rename(source)
    items = importing.evaluate()
    assert list(items) == ["theirs/s1", "theirs/s2"] and items.failures == {}
    assert inode(importing) == copy, "the clip that was taken in before is still there"


# --- beside clips that are generated ---------------------------------------------------------------------------------------


def test_evaluate_leaves_the_clips_that_were_generated(importing: Stage) -> None:
    importing.run()
    importing.forget()
    items = importing.evaluate()
    assert list(items) == ["v/s1", "v/s2", "theirs/s1", "theirs/s2"] and importing.log == []
    assert [t.label for t in tallies()] == ["imported_clips.theirs"], "they are not counted"
    importing.run()
    assert importing.log == [], "nor made again"


def test_evaluate_shows_no_clips_of_variants_that_are_not_asked_for(importing: Stage) -> None:
    importing.run()
    del importing.variants["v"]
    assert list(importing.evaluate()) == ["theirs/s1", "theirs/s2"]
    assert (importing.root / "clips" / "v" / "s1.mp4").is_file()


def test_evaluate_shows_a_failure_of_generation_and_no_damaged_clip(importing: Stage) -> None:
    importing.run(samples=SAMPLES.assign(prompt=["unmakeable", "A man runs."]))
    (importing.root / "clips" / "v" / "s2.mp4").write_bytes(b"")
    items = importing.evaluate()
    assert list(items) == ["theirs/s1", "theirs/s2"]
    assert "refused" in items.failures["v/s1"].message
    assert "s2.mp4 has 0 bytes instead of" in items.failures["v/s2"].message


def test_a_generating_run_takes_clips_in_too(importing: Stage) -> None:
    items = importing.run()
    assert list(items) == ["v/s1", "v/s2", "theirs/s1", "theirs/s2"]
    copy = inode(importing)
    importing.evaluate()
    assert inode(importing) == copy, "both pipelines take the same clip for the same"


def test_one_folder_for_one_variant(importing: Stage, elsewhere: Path) -> None:
    flat = ModelSpec(
        type=IMPORTED,
        source=str(elsewhere / "theirs"),
        licence="x",
        options={"pattern": "{sample_id}.mp4"},
    )
    importing.models["files"] = flat
    assert list(importing.evaluate()) == ["theirs/s1", "theirs/s2"]

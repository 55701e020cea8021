"""Metrics of all clips of a variant as one set: face FID, for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from score_stage import MODELS, Stage

import fakes
from tpige_kedro.datasets import ItemFolder, Items
from tpige_kedro.execution.tally import reset_tallies, tallies
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.scoring.sets import score_sets, set_jobs, tabulate_sets
from tpige_kedro.schemas import ModelSpec, Scoring
from tpige_kedro.schemas.tables import SET_SCORES

SPEC = ModelSpec(type="fakes.SetScorer", licence="tests")
SCORING = Scoring(scorers=("bright",), overall={"brightness": 1.0}, set_scorer="sets")
GREYS = {"v/s1": 60, "v/s2": 100, "w/s1": 140}


@pytest.fixture
def sets(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Two clips of v, one of w; the photos are of equal colour and differ in size."""
    monkeypatch.setenv("FAKES_LOG", str(stage.root / "log"))
    release_models()
    stage.greys, stage.scoring = dict(GREYS), SCORING
    stage.models = {**MODELS, "sets": SPEC}
    Image.new("RGB", (20, 20), (255, 0, 0)).save(stage.root / "references" / "b.png")
    yield stage
    release_models()


def folder(stage: Stage) -> ItemFolder:
    return ItemFolder(path=str(stage.root / "sets"))


def scored(stage: Stage, checked: pd.DataFrame | None = None) -> Items:
    """The sets as a later stage sees them."""
    clips = stage.clips()
    reset_tallies()
    known = stage.checked if checked is None else checked
    work = score_sets(known, clips, stage.references.load(), stage.models, stage.scoring)
    folder(stage).save(work)
    return folder(stage).load()


def table(stage: Stage) -> pd.DataFrame:
    clips, found = stage.clip_folder.load(), folder(stage).load()
    made = tabulate_sets(stage.checked, clips, found, stage.scoring)
    return SET_SCORES.validate(made).set_index("variant")


def log(stage: Stage) -> list[str]:
    """What the scorer did since the last look."""
    file = stage.root / "log"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


# --- what makes a set another one --------------------------------------------------------------------------------------------


def marks(stage: Stage, samples: pd.DataFrame | None = None) -> dict[str, str]:
    known = stage.checked if samples is None else samples
    jobs = set_jobs(known, stage.clips(), stage.models["sets"])
    return {job.key: job.fingerprint for job in jobs}


def test_a_variant_without_clips_of_these_samples_is_no_set(sets: Stage) -> None:
    sets.greys["x/s9"] = 10
    jobs = list(set_jobs(sets.checked, sets.clips(), SPEC))
    assert [(job.key, [item.key for item in job.request]) for job in jobs] == [
        ("v", ["v/s1", "v/s2"]),
        ("w", ["w/s1"]),
    ]
    assert {job.people for job in jobs} == {("p1", "p2")}


CHANGES: dict[str, tuple[Any, set[str]]] = {
    "a clip": (lambda stage: stage.greys.update({"v/s1": 90}), {"v"}),
    "a clip less": (lambda stage: stage.greys.pop("v/s2"), {"v"}),
    "a photo": (lambda stage: stage.picture("b.png", 9), {"v", "w"}),
    "the scorer": (
        lambda stage: stage.models.update({"sets": SPEC.model_copy(update={"options": {"k": 1}})}),
        {"v", "w"},
    ),
    "the order": (lambda stage: setattr(stage, "samples", stage.samples[::-1]), set()),
    "where clips are": (
        lambda stage: (stage.root / "clips" / "v" / "s1.mp4").touch(),
        set(),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_makes_a_set_another_one(sets: Stage, what: str) -> None:
    change, touched = CHANGES[what]
    before = marks(sets)
    change(sets)
    after = marks(sets)
    assert {variant for variant in before if before[variant] != after[variant]} == touched


def test_a_new_version_makes_all_sets_others(sets: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = marks(sets)
    monkeypatch.setattr(fakes.SetScorer, "version", 2)
    assert not set(marks(sets).values()) & set(before.values())


# --- scoring them --------------------------------------------------------------------------------------------------------------


def test_sets_are_scored_once_with_all_clips_and_photos(sets: Stage) -> None:
    items = scored(sets)
    assert list(items) == ["v", "w"] and log(sets) == [
        "load set scorer", "score set", "score set",
    ]  # fmt: skip
    of_v = items["v"].load()
    assert of_v["metrics"] == ["face_fid", "face_kid"]
    assert of_v["values"]["face_fid"] == pytest.approx(abs(80 - 85), abs=1)
    assert of_v["values"]["face_crops"] == 2 and of_v["values"]["reference_crops"] == 2
    assert items["v"].record()["maker"]["name"] == "sets"
    assert items["w"].load()["reasons"] == {"face_kid": "needs 2 clips, there is 1"}
    assert [(t.label, t.made) for t in tallies()] == [("set_scoring", 2)]
    release_models()
    scored(sets)
    assert log(sets) == [], "neither scored nor loaded again"


def test_the_table_of_sets(sets: Stage) -> None:
    scored(sets)
    rows = table(sets)
    assert list(rows.columns) == [
        "n", "face_fid", "face_fid_reason", "face_kid", "face_kid_reason", "face_crops",
        "reference_crops",
    ]  # fmt: skip
    assert rows.loc["v", ["n", "face_crops"]].tolist() == [2, 2.0]
    assert np.isnan(rows.loc["w", "face_kid"])
    assert rows.loc["w", "face_kid_reason"] == "needs 2 clips, there is 1"


def test_scores_of_earlier_clips_are_not_shown(sets: Stage) -> None:
    scored(sets)
    sets.greys["w/s1"] = 10
    (sets.root / "references" / "b.png").unlink()
    checked = sets.samples.assign(reference_hash="another")
    items = scored(sets, checked)
    assert list(items) == [] and set(items.failures) == {"v", "w"}
    made = tabulate_sets(checked, sets.clip_folder.load(), items, sets.scoring)
    assert SET_SCORES.validate(made).to_numpy().tolist() == [["v", 2], ["w", 1]]


def test_one_set_that_fails_leaves_the_others(sets: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    works = fakes.SetScorer.score_set

    def picky(self: Any, clips: Any, photos: Any) -> Any:
        if len(list(clips)) < 2:
            raise RuntimeError("too few")
        return {"face_fid": 3.5, "face_crops": 9.0}

    monkeypatch.setattr(fakes.SetScorer, "score_set", picky)
    items = scored(sets)
    assert list(items) == ["v"] and items.failures["w"].message == "too few"
    rows = table(sets)
    assert rows.loc["v", ["n", "face_fid", "face_crops"]].tolist() == [2, 3.5, 9.0]
    assert pd.isna(rows.loc["w", "face_fid"])
    assert rows.loc["w", "face_fid_reason"] == "scoring failed"
    monkeypatch.setattr(fakes.SetScorer, "score_set", works)
    assert list(scored(sets)) == ["v", "w"] and log(sets).count("score set") == 1


def test_a_set_without_the_clip_that_cannot_be_read_would_pass_for_the_whole(sets: Stage) -> None:
    clips = sets.clips()
    work = score_sets(sets.checked, clips, sets.references.load(), sets.models, sets.scoring)
    (sets.root / "clips" / "v" / "s2.mp4").write_bytes(b"")
    folder(sets).save(work)
    items = folder(sets).load()
    assert list(items) == ["w"] and "s2.mp4" in items.failures["v"].message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: Image.new("RGB", (16, 16)).save(file), "a.png was changed"),
        (Path.unlink, "a.png is gone"),
        (lambda file: file.write_bytes(b"GIF"), "damaged or not a picture"),
    ],
)
def test_a_photo_that_is_not_what_was_checked_fails_the_sets_and_names_the_person(
    sets: Stage, change: Any, words: str
) -> None:
    checked = sets.checked
    change(sets.root / "references" / "a.png")
    items = scored(sets, checked)
    assert list(items) == []
    for failure in items.failures.values():
        assert failure.message.startswith("person p1: ") and words in failure.message


def test_without_a_set_scorer_nothing_is_scored_or_shown(sets: Stage) -> None:
    scored(sets)
    log(sets)
    sets.scoring = SCORING.model_copy(update={"set_scorer": None})
    assert dict(scored(sets)) == {} and log(sets) == []
    assert table(sets).reset_index().to_numpy().tolist() == []
    sets.scoring = SCORING
    scored(sets)
    assert log(sets) == [], "what was scored before is still there"


def test_a_scorer_of_single_clips_is_no_set_scorer(sets: Stage) -> None:
    sets.scoring = SCORING.model_copy(update={"set_scorer": "bright"})
    with pytest.raises(Exception, match="scores single clips; name it under scoring"):
        scored(sets)

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from shift_editor import MODELS, OPTIONS, SAMPLES, VARIANTS, ShiftEditor, Stage, forget

from tpige_kedro.datasets.drawn import MARK
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.files.known import sha256_of
from tpige_kedro.pipelines.reference_enhancement.nodes import (
    redraw_references,
    write_reference_prompts,
)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    forget()
    return Stage(tmp_path / "stage")


def drawn() -> set[str]:
    """The samples whose references were drawn since the last :func:`forget`."""
    return {request.sample_id for request in ShiftEditor.calls}


def test_the_best_of_three_candidates_is_kept(stage: Stage) -> None:
    item = stage.run()["s1"]
    record = item.record()
    similarities = [c["similarity"] for c in record["candidates"]]
    assert len(set(similarities)) == 3
    assert record["chosen"] == "enhanced"
    assert record["similarity"] == max(similarities)
    assert record["reference_prompt"] == "A portrait photo of a chef, one like ann."
    picture = item.load()
    assert (
        picture.getpixel((0, 0))[1] == 1 + record["seed"] % 100
    )  # the very picture of the chosen seed
    assert record["picture_hash"] == picture_hash(picture)
    assert record["maker"]["name"] == "editor" and record["maker"]["version"] == 1
    assert record["judge"]["name"] == "judge"
    assert record["people"] == ["ann"] and record["reference"] == "ann.png"
    assert record["ai_generated"] is True and picture.info[MARK]
    assert item.mark == sha256_of(item.path)


def test_the_original_stays_where_no_candidate_is_good_enough(stage: Stage) -> None:
    items = stage.run()
    for sample, person, reason in (
        ("s2", "bob", "below minimum_similarity"),
        ("s3", "eve", "shows no face"),
    ):
        record, kept = items[sample].record(), items[sample].load()
        assert record["chosen"] == "original"
        assert reason in record["reason"]
        with Image.open(stage.root / "references" / f"{person}.png") as original:
            assert ImageChops.difference(kept, original).getbbox() is None
        assert record["picture_hash"] == record["reference_hash"]
        assert record["ai_generated"] is False and MARK not in kept.info


def test_seeds_differ_by_candidate_and_sample_and_repeat(stage: Stage, tmp_path: Path) -> None:
    stage.samples = {"s1": ("ann", "A chef cooks."), "s2": ("ann", "A chef cooks.")}
    stage.run()
    seeds = [request.seed for request in ShiftEditor.calls]
    assert len(set(seeds)) == 6
    ShiftEditor.calls.clear()
    Stage(tmp_path / "again", stage.samples).run()
    assert [request.seed for request in ShiftEditor.calls] == seeds


def test_only_what_changed_is_drawn_again(stage: Stage) -> None:
    first = {key: item.record() for key, item in stage.run().items()}
    forget()
    again = stage.run()
    assert (ShiftEditor.calls, ShiftEditor.loaded) == ([], 0)
    assert {key: item.record() for key, item in again.items()} == first
    stage.samples["s2"] = ("bob", "A doctor waves.")
    stage.run()
    assert drawn() == {"s2"}
    stage.samples["s2"] = SAMPLES["s2"]
    forget()
    stage.run(seed=1)
    assert drawn() == set(SAMPLES)


def test_another_photo_of_the_same_name_is_drawn_again(stage: Stage) -> None:
    first = stage.run()["s1"].record()["reference_hash"]
    forget()
    stage.picture("ann", "maroon")
    assert stage.run()["s1"].record()["reference_hash"] != first
    assert drawn() == {"s1"}


CHANGES: dict[str, dict[str, Any]] = {
    "minimum_similarity": {"options": OPTIONS.model_copy(update={"minimum_similarity": 0.9})},
    "candidates": {"options": OPTIONS.model_copy(update={"candidates": 2})},
    "template": {"options": OPTIONS.model_copy(update={"template": "A photo of {role}."})},
    "the editor's revision": {"editor": {**MODELS["editor"], "revision": "abc"}},
    "the judge's revision": {"judge": {**MODELS["judge"], "revision": "abc"}},
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_decides_the_picture_draws_all_again(stage: Stage, what: str) -> None:
    stage.run()
    forget()
    stage.run(**CHANGES[what])
    assert drawn() == set(SAMPLES)


def test_a_new_version_of_the_editor_draws_all_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run()
    forget()
    monkeypatch.setattr(ShiftEditor, "version", 2)
    stage.run()
    assert drawn() == set(SAMPLES)


def test_a_killed_run_resumes_where_it_was(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.samples["s4"] = ("ann", "A ghost hunter waits.")
    with pytest.raises(KeyboardInterrupt):
        stage.run()
    assert set(stage.folder().load()) == {"s1", "s2", "s3"}
    forget()
    monkeypatch.setattr(ShiftEditor, "kills", False)
    assert set(stage.run()) == {*SAMPLES, "s4"}
    assert drawn() == {"s4"}


def test_a_failing_candidate_or_sample_stops_no_other(stage: Stage) -> None:
    stage.samples |= {f"t{i}": ("ann", "A thief hunter waits.") for i in range(4)}
    stage.samples["m"] = ("ann", "A master thief hunter waits.")
    items = stage.run()
    failures = items.failures
    assert "m" in failures
    assert (
        "sample m: its reference could not be redrawn (the editor refused)" in failures["m"].message
    )
    assert set(items) == set(stage.samples) - set(failures)
    records = [item.record() for item in items.values()]
    partly = [record for record in records if record["errors"]]
    assert partly
    for record in partly:
        assert len(record["errors"]) + len(record["candidates"]) == 3
        assert record["errors"][0]["message"] == "the editor refused"
    forget()
    stage.run()
    assert drawn() == set(failures), "what failed is tried again"


def test_a_damaged_picture_is_drawn_again_as_it_was(stage: Stage) -> None:
    before = stage.run()
    mark, file = before["s1"].mark, before["s1"].path
    file.write_bytes(before["s2"].path.read_bytes())
    assert "s1" not in stage.folder().load(), "another person's picture is not shown as theirs"
    forget()
    again = stage.run()
    assert drawn() == {"s1"} and again["s1"].mark == mark


# --- pictures that are not what was checked ------------------------------------------------------------------------------


def redrawn_after(stage: Stage, change: Any) -> Any:
    """What is drawn if the user's pictures change between the check and the drawing."""
    references = stage.references().load()
    prompts = write_reference_prompts(stage.table(), stage.table(), OPTIONS)
    change()
    work = redraw_references(prompts, references, OPTIONS, MODELS, VARIANTS, 0)
    stage.folder().save(work)
    return stage.folder().load()


def test_a_picture_exchanged_after_the_check_is_not_redrawn(stage: Stage) -> None:
    items = redrawn_after(stage, lambda: stage.picture("bob", "white"))
    assert "bob.png was changed since the samples were checked" in items.failures["s2"].message
    assert "run prompt_enhancement" in items.failures["s2"].message
    assert set(items) == {"s1", "s3"} and drawn() == {"s1", "s3"}


@pytest.mark.parametrize(
    ("change", "words"),
    [(Path.unlink, "bob.png: no such file"), (lambda f: f.write_bytes(b"GIF"), "damaged or not")],
)
def test_a_picture_that_cannot_be_opened_fails_its_own_sample(
    stage: Stage, change: Any, words: str
) -> None:
    file = stage.root / "references" / "bob.png"
    items = redrawn_after(stage, lambda: change(file))
    assert words in items.failures["s2"].message and set(items) == {"s1", "s3"}


@pytest.mark.parametrize(
    "variants",
    [
        {"vace": {"generator": "vace"}},
        {"service_ie": {"generator": "service", "reference": "enhanced"}},  # skipped: no key
    ],
)
def test_nothing_is_drawn_when_no_variant_wants_it(stage: Stage, variants: dict[str, Any]) -> None:
    assert dict(stage.run(variants)) == {}
    assert ShiftEditor.calls == []

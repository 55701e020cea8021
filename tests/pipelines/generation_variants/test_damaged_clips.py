"""Clips and pictures that are not what they were: made again, reported, or somebody's decision because they cost money."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clip_stage import ENHANCED, PAID, PLAIN, SAMPLES, Stage

from tpige_kedro.execution.tally import tallies


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def take_anothers(file: Path) -> None:
    shutil.copyfile(file.with_name(f"s2{file.suffix}"), file)


DAMAGES: list[Callable[[Path], Any]] = [truncate, flip_a_bit, take_anothers, Path.unlink]


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    return request.param


@pytest.mark.parametrize("suffix", [".mp4", ".json"])
def test_a_damaged_clip_is_made_again_as_it_was(stage: Stage, damage: Any, suffix: str) -> None:
    before = {key: item.mark for key, item in stage.run().items()}
    damage((stage.root / "clips" / "v" / "s1").with_suffix(suffix))
    found = stage.folder.load()
    assert list(found) == ["v/s2"], "nobody is shown another clip"
    if (suffix, damage) != (".json", Path.unlink):  # else there is nothing that could be damaged
        message = found.failures["v/s1"].message
        assert f"clips/v/s1{suffix} " in message and "makes clips again" in message
    stage.forget()
    assert {key: item.mark for key, item in stage.run().items()} == before
    assert [line for line in stage.log if "generate" in line] == ["generate s1"]


# --- what was paid for -----------------------------------------------------------------------------------------------------


@pytest.fixture
def paid(stage: Stage) -> Stage:
    """Two clips that were paid for."""
    stage.run(models={"m": PAID})
    stage.forget()
    return stage


def test_a_damaged_clip_that_was_paid_for_is_reported_and_not_made_again(
    paid: Stage, damage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    file = paid.root / "clips" / "v" / "s1.mp4"
    damage(file)
    for _ in range(2):
        items = paid.run()
        message = items.failures["v/s1"].message
        assert "v/s1: clips/v/s1.mp4 " in message and "paid" in message
        assert "put the file back" in message and str(file.with_suffix(".json")) in message
        assert [f["message"] for f in tallies()[-1].failures] == [message]
        assert list(items) == ["v/s2"] and paid.log == []
        assert "made again" not in caplog.text


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, take_anothers])
def test_a_damaged_record_of_a_paid_clip_does_not_buy_it_again(
    paid: Stage, damage: Callable[[Path], Any]
) -> None:
    file = paid.root / "clips" / "v" / "s1.json"
    whole = file.read_bytes()
    damage(file)
    left = file.read_bytes()
    for _ in range(2):
        items = paid.run()
        (failure,) = tallies()[-1].failures
        assert "v/s1: clips/v/s1.json (" in failure["message"] and "paid" in failure["message"]
        assert list(items) == ["v/s2"] and "clips/v/s1.json (" in items.failures["v/s1"].message
        assert paid.log == [] and file.read_bytes() == left, "what is left of it may help"
    file.write_bytes(whole)
    assert list(paid.run()) == ["v/s1", "v/s2"] and paid.log == []


def test_a_paid_clip_that_is_put_back_is_not_paid_again(paid: Stage, damage: Any) -> None:
    file, copy = paid.root / "clips" / "v" / "s1.mp4", paid.root / "copy.mp4"
    shutil.copyfile(file, copy)
    damage(file)
    paid.run()
    shutil.copyfile(copy, file)
    items = paid.run()
    assert list(items) == ["v/s1", "v/s2"] and items.failures == {}
    assert paid.log == [], "nothing was bought"
    assert "failure" not in items["v/s1"].record()


def test_who_deletes_the_record_of_a_paid_clip_pays_again(paid: Stage) -> None:
    truncate(paid.root / "clips" / "v" / "s1.mp4")
    paid.run()
    (paid.root / "clips" / "v" / "s1.json").unlink()
    items = paid.run()
    assert "generate s1" in paid.log and "generate s2" not in paid.log
    assert list(items) == ["v/s1", "v/s2"] and items.failures == {}


def test_another_prompt_is_another_purchase(paid: Stage) -> None:
    paid.run(samples=SAMPLES.assign(prompt=["A man sits.", "A man runs."]))
    assert [line for line in paid.log if "generate" in line] == ["generate s1"]


def test_what_was_paid_for_is_said_by_variant(stage: Stage, damage: Any) -> None:
    """Of a paid and an unpaid variant side by side, the unpaid one's clip is made again."""
    stage.models["p"] = PAID
    stage.run(variants={"v": PLAIN, "w": PLAIN.model_copy(update={"generator": "p"})})
    for variant in "vw":
        damage(stage.root / "clips" / variant / "s1.mp4")
    stage.forget()
    items = stage.run()
    assert list(items) == ["v/s1", "v/s2", "w/s2"] and list(items.failures) == ["w/s1"]
    assert stage.log.count("generate s1") == 1


# --- pictures that are not what was planned ----------------------------------------------------------------------------------


def made_after(stage: Stage, change: Callable[[], Any]) -> Any:
    """The clips if pictures change between the plan and the generator."""
    plan, references = stage.plan(), stage.references.load()
    change()
    return stage.saved(stage.work(plan, references))


def test_a_picture_exchanged_after_the_check_makes_no_clip(stage: Stage) -> None:
    items = made_after(stage, lambda: stage.picture("a.png", 200))
    assert "reference a.png was changed" in items.failures["v/s1"].message
    assert "run prompt_enhancement" in items.failures["v/s1"].message
    assert list(items) == ["v/s2"] and stage.log[1:] == ["generate s2"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Path.unlink, "a.png: no such file"),
        (lambda file: file.write_bytes(file.read_bytes()[:60]), "a.png: damaged or not a picture"),
    ],
)
def test_a_picture_that_cannot_be_opened_makes_no_clip(
    stage: Stage, change: Callable[[Path], Any], words: str
) -> None:
    items = made_after(stage, lambda: change(stage.root / "references" / "a.png"))
    assert words in items.failures["v/s1"].message and list(items) == ["v/s2"]


def test_a_picture_that_is_gone_from_the_list_makes_no_clip(stage: Stage) -> None:
    plan = stage.plan()
    (stage.root / "references" / "a.png").unlink()
    items = stage.saved(stage.work(plan))
    assert "reference a.png is gone; put the picture back" in items.failures["v/s1"].message
    assert list(items) == ["v/s2"]


def test_a_redrawn_picture_that_was_exchanged_is_not_used(stage: Stage) -> None:
    """It was asked for and is not what was drawn: no clip shows it."""
    stage.variants = {"v": ENHANCED}
    plan = stage.plan()
    take_anothers(stage.root / "redrawn" / "s1.png")
    items = stage.saved(stage.work(plan))
    message = items.failures["v/s1"].message
    assert "sample s1: its enhanced reference is missing" in message
    assert "run reference_enhancement again" in message and list(items) == ["v/s2"]
    assert len(stage.run()) == 2, "the stage before draws it again, and the clip can be made"


def test_a_picture_that_was_redrawn_after_the_plan_is_not_used(stage: Stage) -> None:
    stage.variants = {"v": ENHANCED}
    plan = stage.plan()
    stage.drawn["s1"] = 10
    stage.redraw()
    items = stage.saved(stage.work(plan))
    assert "differs from the planned one" in items.failures["v/s1"].message
    assert list(items) == ["v/s2"]

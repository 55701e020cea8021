"""The item folder believes contents, not names."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from kedro.io import DatasetError
from work import Stage

from tpige_kedro.execution.tally import reset_tallies, tallies
from tpige_kedro.execution.work import Job, Result, Work
from tpige_kedro.files.seal import open_sealed


@pytest.fixture(params=[".txt", ""], ids=["files", "values"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return Stage(tmp_path / "squares", {"a": 2, "b": 3}, suffix=request.param)


@pytest.fixture
def files(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "squares", {"a": 2, "b": 3})


def record(stage: Stage, key: str) -> dict:
    return open_sealed((stage.folder / f"{key}.json").read_bytes())


def test_what_was_made_is_loaded_and_not_made_again(stage: Stage) -> None:
    stage.run()
    assert stage.made == ["a", "b"]
    before = stage.outputs()
    assert list(before) == ["a", "b"]
    stage.run()
    assert stage.made == [] and stage.outputs() == before


def test_the_record_says_what_it_speaks_for(files: Stage) -> None:
    files.run()
    made = record(files, "a")
    assert made["output"]["file"] == "a.txt" and made["output"]["bytes"] == 1
    assert made["people"] == ["person_a"] and made["value_seen"] == 2
    assert made["maker"] == {"class": "Squares"}
    assert {"commit", "dirty", "torch", "diffusers", "transformers", "device"} <= set(
        made["environment"]
    )
    plain = json.loads((files.folder / "a.json").read_text())
    assert plain["key"] == "a", "any JSON reader opens it"


def test_a_changed_request_makes_its_item_alone(stage: Stage) -> None:
    stage.run()
    stage.run(a=2, b=4)
    assert stage.made == ["b"]


def test_what_is_not_asked_for_is_not_loaded(stage: Stage) -> None:
    stage.run()
    stage.run(b=3)
    assert list(stage.outputs()) == ["b"] and stage.made == []
    assert [f.name for f in stage.dataset().leftovers()] == ["a.json"]
    stage.run(a=2, b=3)
    assert stage.made == [], "it is still there"


def test_groups_left_alone_stay_asked_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "f", {"x/a": 1, "y/a": 2, "z/a": 3})
    stage.run()
    stage.untouched = frozenset({"x"})
    stage.run(**{"y/a": 5})
    assert sorted(stage.outputs()) == ["x/a", "y/a"]
    assert list(stage.dataset().load().by_group()["y"]) == ["a"]


# --- damage ------------------------------------------------------------------------------------------------------------


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def empty(file: Path) -> None:
    file.write_bytes(b"")


def neighbours(file: Path) -> None:
    shutil.copyfile(file.with_name("b" + file.name[1:]), file)


DAMAGES = [truncate, flip_a_bit, empty, neighbours, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["a.txt", "a.json"])
def test_damage_heals(files: Stage, name: str, damage, caplog: pytest.LogCaptureFixture) -> None:
    files.run(a=2, b=3)
    before = files.outputs()
    damage(files.folder / name)
    assert "a" not in files.dataset().load(), "nobody is shown what was not made"
    with caplog.at_level("WARNING"):
        files.run()
    assert files.made == ["a"] and files.outputs() == before
    told = f"squares/{name}" in caplog.text
    assert told or (name, damage) == ("a.json", Path.unlink), "one line names the file"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_value_heals(tmp_path: Path, damage) -> None:
    stage = Stage(tmp_path / "squares", {"a": 2, "b": 3}, suffix="")
    stage.run()
    damage(stage.folder / "a.json")
    stage.run()
    assert stage.made == ["a"] and stage.outputs()["a"] == {"square": 4}


def test_an_edited_value_is_not_believed(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "squares", {"a": 2}, suffix="")
    stage.run()
    file = stage.folder / "a.json"
    file.write_text(file.read_text().replace('"square": 4', '"square": 5'))
    stage.run()
    assert stage.made == ["a"] and stage.outputs()["a"] == {"square": 4}


def test_two_files_that_changed_places_are_both_made_again(files: Stage) -> None:
    files.run(a=2, b=3)
    a, b, rest = (files.folder / name for name in ("a.txt", "b.txt", "rest"))
    a.rename(rest), b.rename(a), rest.rename(b)
    files.run()
    assert files.made == ["a", "b"] and files.outputs() == {"a": "4", "b": "9"}


def test_a_copied_folder_is_believed_by_its_content_and_hashed_once(files: Stage) -> None:
    files.run()
    os.utime(files.folder / "a.txt")
    files.run()
    assert files.made == []
    state = (files.folder / "a.txt").stat()
    assert record(files, "a")["output"]["mtime_ns"] == state.st_mtime_ns


def test_full_verification_finds_what_time_and_size_hide(files: Stage) -> None:
    files.run()
    file = files.folder / "a.txt"
    state = file.stat()
    file.write_text("5")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    files.run()
    assert files.made == [], "size and time decide"
    files.verify = "full"
    files.run()
    assert files.made == ["a"]


def test_a_damaged_index_says_what_to_do(files: Stage) -> None:
    files.run()
    truncate(files.folder / "_index.json")
    with pytest.raises(DatasetError, match=r"_index\.json is damaged.*delete it and run"):
        files.dataset().load()
    files.run()
    assert files.made == [] and len(files.outputs()) == 2


def test_unfinished_files_are_swept_and_never_loaded(files: Stage) -> None:
    files.run()
    rest = files.folder / ".tmp-0-c.txt"
    rest.write_text("16")
    assert list(files.outputs()) == ["a", "b"]
    files.run()
    assert not rest.exists()


def test_what_was_paid_for_is_reported_and_not_bought_again(files: Stage) -> None:
    files.paid = True
    files.run()
    truncate(files.folder / "a.txt")
    dataset = files.run()
    assert files.made == []
    message = dataset.load().failures["a"].message
    assert "a.txt has 0 bytes" in message and "paid" in message and "a.json" in message
    (files.folder / "a.json").unlink()
    files.run()
    assert files.made == ["a"], "the user decided to pay again"


# --- failures ----------------------------------------------------------------------------------------------------------


def test_a_failure_is_a_record_and_is_tried_again(stage: Stage) -> None:
    stage.fail = {"a"}
    dataset = stage.run()
    items = dataset.load()
    assert list(items) == ["b"] and "cannot be squared" in items.failures["a"].message
    stage.fail = set()
    stage.run()
    assert stage.made == ["a"] and not stage.dataset().load().failures


def test_a_failed_attempt_does_not_destroy_what_was_finished(stage: Stage) -> None:
    stage.run(a=2)
    stage.fail = {"a"}
    items = stage.run(a=3).load()
    assert "a" not in items and "a" in items.failures
    items = stage.run(a=2).load()
    assert stage.made == [] and "a" in items and not items.failures


def test_a_failure_that_is_no_longer_asked_for_is_not_shown(stage: Stage) -> None:
    stage.fail = {"a"}
    stage.run()
    assert not stage.run(b=3).load().failures


def test_an_impossible_job_fails_without_loading_anything(tmp_path: Path) -> None:
    def never(todo):
        raise AssertionError("nothing is possible here")

    stage = Stage(tmp_path / "f", {})
    dataset = stage.dataset()
    job = Job("a", "0", ValueError("no picture"))
    dataset.save(Work("squares", [job], never))
    assert dataset.load().failures["a"].message == "no picture"


def test_a_part_is_kept_and_the_rest_tried_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "f", {}, suffix="")
    dataset, job = stage.dataset(), Job("a", "0", None)
    part = Result({"one": 1}, failure=RuntimeError("two is missing"))
    dataset.save(Work("parts", [job], lambda todo: iter([(job, part)])))
    items = dataset.load()
    assert items["a"].load() == {"one": 1} and items.failures["a"].message == "two is missing"

    seen = []

    def rest(todo):
        seen.extend(job.previous for job in todo)
        yield todo[0], Result({**todo[0].previous, "two": 2})

    dataset.save(Work("parts", [job], rest))
    assert seen == [{"one": 1}]
    assert dataset.load()["a"].load() == {"one": 1, "two": 2} and not dataset.load().failures


def test_a_partial_result_is_not_the_last_word(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "f", {}, suffix="")
    dataset, job = stage.dataset(), Job("a", "0", None)

    def stopped(todo):
        yield job, Result({"one": 1}, partial=True)
        raise MemoryError

    with pytest.raises(DatasetError):
        dataset.save(Work("parts", [job], stopped))
    left = []
    dataset.save(Work("parts", [job], lambda todo: iter(left.extend(todo) or ())))
    assert [job.previous for job in left] == [{"one": 1}]


def test_items_are_counted_by_group(tmp_path: Path) -> None:
    reset_tallies()
    stage = Stage(tmp_path / "f", {"a": 1, "b": 2}, fail={"b"})
    stage.run()
    (tally,) = tallies()
    assert (tally.total, tally.made, tally.kept, tally.unfinished) == (2, 1, 0, 0)
    assert tally.failures[0]["key"] == "b"


def test_records_and_outputs_never_share_a_name() -> None:
    from tpige_kedro.datasets import ItemFolder

    with pytest.raises(DatasetError, match="records"):
        ItemFolder(path="x", suffix=".json", dataset="tpige_kedro.datasets.TextFile")

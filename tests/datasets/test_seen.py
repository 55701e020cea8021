"""Records that did not change since an earlier run are not opened again; whatever did change is read."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from work import Stage

from tpige_kedro.datasets import looking, seen
from tpige_kedro.datasets.records import Failure, Known
from tpige_kedro.files.seal import open_sealed, sealed


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the records that are opened; every file counts as old enough."""
    names: list[str] = []
    read = looking.read_bytes

    def noted(file: str) -> tuple[bytes, os.stat_result]:
        names.append(Path(file).name)
        return read(file)

    monkeypatch.setattr(looking, "read_bytes", noted)
    monkeypatch.setattr(seen, "SETTLED", 0)
    return names


@pytest.fixture(params=[".txt", ""], ids=["files", "values"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, opened: list[str]) -> Stage:
    """A finished stage whose records were read once since."""
    made = Stage(tmp_path / "squares", {"a": 2, "b": 3}, suffix=request.param)
    made.run()
    time.sleep(0.02)  # more than a tick of the file system's clock
    made.run()
    assert made.made == [] and (made.folder / seen.SEEN).is_file()
    opened.clear()
    return made


def test_a_rerun_opens_no_record_and_a_reader_none_either(stage: Stage, opened: list[str]) -> None:
    stage.run()
    assert list(stage.dataset().load()) == ["a", "b"]
    assert opened == [] and stage.made == []


def test_verify_full_opens_all(stage: Stage, opened: list[str]) -> None:
    stage.verify = "full"
    stage.run()
    assert sorted(opened) == ["a.json", "b.json"]


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def exchanged(file: Path) -> None:
    shutil.copyfile(file.with_name("b.json"), file)


@pytest.mark.parametrize("damage", [flipped, exchanged, Path.unlink])
def test_damage_with_the_old_time_put_back_heals(
    stage: Stage, damage: Callable[[Path], object]
) -> None:
    file = stage.folder / "a.json"
    before = file.stat()
    damage(file)
    if file.exists():
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    stage.run()
    assert stage.made == ["a"]


def test_a_copied_folder_is_read_once(stage: Stage, opened: list[str], tmp_path: Path) -> None:
    shutil.copytree(stage.folder, tmp_path / "copy")
    stage.folder = tmp_path / "copy"
    stage.run()
    assert sorted(opened) == ["a.json", "b.json"] and stage.made == []
    opened.clear()
    stage.run()
    assert opened == []


def neighbours(file: Path) -> None:
    """What was remembered of another folder, sealed as it should be."""
    lines = open_sealed(file.read_bytes())["records"]
    file.write_bytes(sealed({"records": {"a": lines["b"], "b": lines["a"]}}))


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        Path.unlink,
        neighbours,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(sealed({"records": {"a": "1 2 3", "b": None}})),
        lambda file: file.write_bytes(sealed({"records": ["a"]})),
        lambda file: file.write_bytes(sealed({"else": 1})),
    ],
)
def test_what_is_remembered_can_be_damaged_or_deleted(
    stage: Stage, opened: list[str], damage: Callable[[Path], object]
) -> None:
    before = (stage.folder / seen.SEEN).read_bytes()
    damage(stage.folder / seen.SEEN)
    stage.run()
    assert stage.made == [] and sorted(opened) == ["a.json", "b.json"]
    assert (stage.folder / seen.SEEN).read_bytes() == before, "it is written again"


def test_what_is_no_longer_asked_for_is_no_longer_remembered(stage: Stage) -> None:
    stage.run(b=3)
    assert list(seen.read_seen(stage.folder)) == ["b"]
    assert [file.name for file in stage.dataset().leftovers()] == ["a.json"]


def test_failed_and_new_records_are_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path / "squares", {"a": 2, "b": 3}, fail={"b"})
    stage.run()
    stage.run()
    assert not (stage.folder / seen.SEEN).exists(), "the records are too new to tell changes"
    monkeypatch.setattr(seen, "SETTLED", 0)
    time.sleep(0.02)
    stage.run()
    assert list(seen.read_seen(stage.folder)) == ["a"]
    assert stage.made == ["b"]


@pytest.mark.parametrize(("mtime", "ctime"), [(0, 1), (1, 0), (1, 1)])
def test_a_record_that_changed_just_now_in_any_way_is_not_settled(mtime: int, ctime: int) -> None:
    """Its content, or its name, rights or time."""
    now = time.time_ns()
    assert not seen.is_settled((10, now * mtime, now * ctime, 1))
    long_ago = now - 2 * seen.SETTLED
    assert seen.is_settled((10, long_ago, long_ago, 1))


@pytest.mark.parametrize(
    ("changes", "plain"),
    [
        ({}, True),
        ({"partial": True}, False),
        ({"failure": Failure("a", "mark", "E", "why")}, False),
        ({"fingerprint": ""}, False),
        ({"sha256": ""}, False),
    ],
)
def test_only_records_of_finished_items_are_remembered(changes: dict, plain: bool) -> None:
    finished = Known("mark", "hash", 10, 20, None, False)
    assert seen.is_plain(finished._replace(**changes)) is plain


def test_a_complete_folder_keeps_its_items_in_memory_and_nothing_else(
    stage: Stage, opened: list[str]
) -> None:
    """What was seen of every item would be most of the memory of a large rerun."""
    index = (stage.folder / "_index.json").stat()
    dataset = stage.run()
    looks = dataset._looks
    assert not looks._records and not looks._outputs and looks._earlier is None
    assert list(dataset.load()) == ["a", "b"] and looks._earlier is None and opened == []
    assert (stage.folder / "_index.json").stat().st_ino == index.st_ino, "it is not written again"


def test_an_index_in_another_order_or_damaged_is_written_again(stage: Stage) -> None:
    file = stage.folder / "_index.json"
    whole = file.read_bytes()
    stage.run(b=3, a=2)
    assert list(stage.dataset().load()) == ["b", "a"]
    file.write_bytes(whole[:-3])
    stage.run(a=2, b=3)
    assert file.read_bytes() == whole and stage.made == []

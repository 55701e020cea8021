"""The folder of chosen clips: the very bytes, as links where there can be any, and never a clip that is not chosen any more."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import ChosenClips
from tpige_kedro.datasets.chosen import Choice, Taken
from tpige_kedro.execution.tally import reset_tallies
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint


class Shelf:
    """Clips of a run, and the folder that takes the chosen ones in."""

    def __init__(self, root: Path) -> None:
        self.root, self.chosen = root, root / "chosen"
        (root / "clips").mkdir()
        self.paid: set[str] = set()

    def clip(self, name: str, content: bytes = b"frames") -> Path:
        file = self.root / "clips" / f"{name}.mp4"
        temporary = file.with_suffix(".tmp")
        temporary.write_bytes(content + name.encode())
        os.replace(temporary, file)  # as item folders do: a new file, not the old one changed
        return file

    def choose(self, *names: str, text: str = "") -> int:
        """Choose these clips; returns how many were taken in."""
        jobs, taken = [], []
        for name in names:
            file = self.root / "clips" / f"{name}.mp4"
            mark = fingerprint(content=file.read_bytes().hex() if file.exists() else "")
            jobs.append(Job(name, mark, Taken(file, name not in self.paid), people=(f"of {name}",)))

        def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
            taken.extend(todo)
            yield from ((job, Result(job.request)) for job in todo)

        table = pd.DataFrame({"sample_id": [*names], "prompt": text})
        reset_tallies()
        ChosenClips(path=str(self.chosen)).save(Choice(Work("chosen", jobs, produce), table))
        return len(taken)

    @property
    def names(self) -> list[str]:
        return sorted(file.name for file in self.chosen.iterdir() if file.name != "_seen.json")

    @property
    def csv(self) -> pd.DataFrame:
        return pd.read_csv(self.chosen / "chosen.csv", keep_default_na=False)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_links_and_a_table(shelf: Shelf) -> None:
    files = [shelf.clip("a"), shelf.clip("b")]
    assert shelf.choose("a", "b") == 2
    assert shelf.names == ["_index.json", "a.json", "a.mp4", "b.json", "b.mp4", "chosen.csv"]
    for file in files:
        assert (shelf.chosen / file.name).samefile(file), "no room is taken"
    items = ChosenClips(path=str(shelf.chosen)).load()
    assert shelf.csv["clip"].to_list() == ["a.mp4", "b.mp4"]
    assert shelf.csv["sha256"].to_list() == [item.mark for item in items.values()]
    assert items["a"].load() == shelf.chosen / "a.mp4" and items["a"].record()["people"] == ["of a"]


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP])
def test_a_copy_where_there_are_no_links(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    file = shelf.clip("a")
    assert shelf.choose("a") == 1
    copied = shelf.chosen / "a.mp4"
    assert copied.read_bytes() == file.read_bytes() and not copied.samefile(file)
    assert shelf.choose("a") == 0


def test_what_cost_money_is_copied(shelf: Shelf) -> None:
    file = shelf.clip("a")
    shelf.paid = {"a"}
    shelf.choose("a")
    (shelf.chosen / "a.mp4").write_bytes(b"edited")
    assert file.read_bytes() == b"framesa"


def test_a_link_to_a_clip_behind_a_link(shelf: Shelf) -> None:
    real = shelf.clip("real")
    (shelf.root / "clips" / "a.mp4").symlink_to(real)
    shelf.choose("a")
    assert (shelf.chosen / "a.mp4").samefile(real) and not (shelf.chosen / "a.mp4").is_symlink()


def test_a_second_time_writes_nothing(shelf: Shelf) -> None:
    shelf.clip("a")
    shelf.choose("a")
    before = {name: (shelf.chosen / name).stat().st_mtime_ns for name in shelf.names}
    assert shelf.choose("a") == 0
    assert {name: (shelf.chosen / name).stat().st_mtime_ns for name in shelf.names} == before
    shelf.choose("a", text="another")
    changed = {n for n in before if (shelf.chosen / n).stat().st_mtime_ns != before[n]}
    assert changed == {"chosen.csv"}


def test_a_clip_that_was_made_again_is_taken_in_again(shelf: Shelf) -> None:
    shelf.clip("a")
    shelf.choose("a")
    new = shelf.clip("a", b"others")
    assert (shelf.chosen / "a.mp4").read_bytes() == b"framesa", "the old one, until it is chosen"
    assert shelf.choose("a") == 1
    assert (shelf.chosen / "a.mp4").samefile(new)


@pytest.mark.parametrize("damage", ["deleted", "cut", "flipped", "record", "exchanged"])
def test_damage_is_repaired(shelf: Shelf, damage: str) -> None:
    files = {name: shelf.clip(name) for name in "ab"}
    shelf.paid = {"a", "b"}  # copies: what is done to them is not done to the clips
    shelf.choose("a", "b")
    mine = shelf.chosen / "a.mp4"
    if damage == "deleted":
        mine.unlink()
    elif damage == "record":
        mine.with_suffix(".json").write_text("{}")
    else:
        content = {"cut": b"fra", "flipped": b"framesA", "exchanged": b"framesb"}[damage]
        mine.write_bytes(content)
    assert shelf.choose("a", "b") == 1
    assert mine.read_bytes() == files["a"].read_bytes()


def test_what_is_not_chosen_any_more_is_gone(shelf: Shelf) -> None:
    """A sample that was withdrawn, or for which no clip is chosen now."""
    files = {name: shelf.clip(name) for name in "abc"}
    shelf.choose("a", "b", "c")
    (shelf.chosen / "my notes.txt").write_text("mine")
    (shelf.chosen / "notes.json").write_text("{}")
    (shelf.chosen / "c.json").write_text("damaged")
    shelf.choose("a")
    assert shelf.names == [
        "_index.json", "a.json", "a.mp4", "chosen.csv", "my notes.txt", "notes.json",
    ]  # fmt: skip
    assert all(file.exists() for file in files.values()), "the clips themselves stay"
    assert shelf.csv["sample_id"].to_list() == ["a"]


def test_a_full_disk_is_said(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shelf.clip("a")
    shelf.paid = {"a"}
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(DatasetError, match="disk is full"):
        shelf.choose("a")


def test_the_table_runs_nothing_in_a_spreadsheet(shelf: Shelf) -> None:
    shelf.clip("a")
    shelf.choose("a", text="=1+1")
    assert "'=1+1" in (shelf.chosen / "chosen.csv").read_text()

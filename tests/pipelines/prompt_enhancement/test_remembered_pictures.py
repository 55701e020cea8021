"""A picture is opened once, in this run and in all later ones, for as long as its file stays the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tpige_kedro.datasets import ReferenceFolder, pictures
from tpige_kedro.files.seal import open_sealed
from tpige_kedro.pipelines.prompt_enhancement.samples import check_samples

SAMPLES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2", "s3", "s4"],
        "person_id": ["ann", "ann", "bob", "eve"],
        "prompt": "A chef cooks.",
        "reference": ["ann.png", "ann.png", "bob.png", "eve.png"],
        "consent": "granted",
    }
)


class Folder:
    """A folder of samples and what is known of its pictures; ``opened`` lists the names that were decoded."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.known = root / "data" / "known_references.json"
        self.opened: list[str] = []
        (root / "references").mkdir()
        (root / "samples.csv").touch()
        for person, colour in (("ann", "red"), ("bob", "blue"), ("eve", "green")):
            self.write(person, colour)

    def file(self, person: str) -> Path:
        return self.root / "references" / f"{person}.png"

    def write(self, person: str, colour: str) -> None:
        Image.new("RGB", (32, 32), colour).save(self.file(person))

    def references(self) -> pictures.Pictures:
        return ReferenceFolder(path=str(self.root), known=str(self.known)).load()

    def check(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What a new run finds."""
        self.opened.clear()
        return check_samples(SAMPLES, self.references(), None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    made = Folder(tmp_path)
    load = pictures.load_reference

    def counted(path: str | Path) -> Image.Image:
        made.opened.append(Path(path).name)
        return load(path)

    monkeypatch.setattr(pictures, "load_reference", counted)
    return made


def test_a_picture_is_opened_once_for_all_its_samples(folder: Folder) -> None:
    folder.check()
    assert folder.opened == ["ann.png", "bob.png", "eve.png"]


def test_a_second_run_opens_none_and_writes_nothing(folder: Folder) -> None:
    checked, _ = folder.check()
    before = folder.known.stat()
    again, issues = folder.check()
    assert folder.opened == [] and issues.empty
    pd.testing.assert_frame_equal(checked, again)
    after = folder.known.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_without_a_place_to_remember_every_run_opens_all(folder: Folder) -> None:
    for _ in range(2):
        folder.opened.clear()
        check_samples(SAMPLES, ReferenceFolder(path=str(folder.root)).load(), None)
        assert folder.opened == ["ann.png", "bob.png", "eve.png"]


def test_a_changed_picture_is_noticed(folder: Folder) -> None:
    checked, _ = folder.check()
    folder.write("bob", "white")
    again, _ = folder.check()
    assert folder.opened == ["bob.png"]
    differ = checked["reference_hash"] != again["reference_hash"]
    assert differ.tolist() == [False, False, True, False]


def test_of_a_touched_or_copied_picture_the_pixels_count(folder: Folder) -> None:
    checked, _ = folder.check()
    os.utime(folder.file("ann"), (1, 1))
    again, _ = folder.check()
    assert folder.opened == ["ann.png"] and again.equals(checked)
    folder.check()
    assert folder.opened == []


def test_pictures_that_changed_places_are_noticed(folder: Folder) -> None:
    checked, _ = folder.check()
    ann, bob, rest = (folder.file(name) for name in ("ann", "bob", "rest"))
    ann.rename(rest), bob.rename(ann), rest.rename(bob)
    again, _ = folder.check()
    first, last = checked["reference_hash"], again["reference_hash"]
    assert (last[0], last[2]) == (first[2], first[0]) and last[3] == first[3]


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


DAMAGES: list[Callable[[Path], object]] = [
    flip_a_bit,
    Path.unlink,
    lambda file: file.write_bytes(b""),
    lambda file: file.write_bytes(file.read_bytes()[:-20]),
    lambda file: file.write_text("[]"),
    lambda file: file.write_text(file.read_text().replace("ann.png", "bob.png")),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_memory_costs_time_and_nothing_else(folder: Folder, damage) -> None:
    checked, _ = folder.check()
    damage(folder.known)
    again, _ = folder.check()
    assert folder.opened == ["ann.png", "bob.png", "eve.png"] and again.equals(checked)
    folder.check()
    assert folder.opened == []
    assert set(open_sealed(folder.known.read_bytes())) == {"files"}


def test_a_memory_copied_to_other_pictures_is_not_believed(folder: Folder, tmp_path: Path) -> None:
    folder.check()
    (tmp_path / "other" / "data").mkdir(parents=True)
    other = Folder(tmp_path / "other")
    shutil.copyfile(folder.known, other.known)
    other.write("ann", "white")
    folder.opened.clear()
    again, _ = other.check()
    assert folder.opened == ["ann.png", "bob.png", "eve.png"], "paths differ"
    assert again["reference_hash"].nunique() == 3


def test_what_could_not_be_opened_is_tried_in_every_run(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause may be gone while size and time of the file are the same: a permission, a network disk."""
    opened, load = os.open, pictures.load_reference

    def refused(file: Path, *rest: int, **more: int) -> int:
        if Path(file).name == "bob.png":
            raise PermissionError(13, "Permission denied")
        return opened(file, *rest, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refused)
        checked, issues = folder.check()
        assert checked["sample_id"].tolist() == ["s1", "s2", "s4"]
        assert "Permission denied" in issues["problem"].item()
    assert pictures.load_reference is load
    checked, issues = folder.check()
    assert folder.opened == ["bob.png"] and issues.empty and len(checked) == 4


def test_a_picture_that_is_gone_by_now_is_its_samples_issue(folder: Folder) -> None:
    references = folder.references()
    folder.file("bob").unlink()
    checked, issues = check_samples(SAMPLES, references, None)
    assert checked["sample_id"].tolist() == ["s1", "s2", "s4"]
    assert issues["sample_id"].tolist() == ["s3"] and "no such file" in issues["problem"].item()

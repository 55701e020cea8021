"""Facts about files: found out once, and again as soon as size or time of a file are others."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tpige_kedro.files.known import KnownFiles, sha256_of
from tpige_kedro.files.seal import open_sealed, sealed


class Counted:
    """The text of a file; ``asked`` lists the files that were read."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, file: Path) -> str:
        self.asked.append(file.name)
        return file.read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "a.txt"
    made.write_text("one")
    return made


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "known.json"


def test_a_fact_is_computed_once(file: Path) -> None:
    known, read = KnownFiles(), Counted()
    assert [known.fact("text", file, read) for _ in range(3)] == ["one"] * 3
    assert read.asked == ["a.txt"]


def test_facts_of_other_names_are_others(file: Path) -> None:
    known, read = KnownFiles(), Counted()
    known.fact("text", file, read)
    assert known.fact("length", file, lambda f: len(f.read_text())) == 3
    assert known.fact("text", file, read) == "one" and read.asked == ["a.txt"]


def test_another_time_or_size_computes_again_and_forgets_all_that_was_known(file: Path) -> None:
    known, read = KnownFiles(), Counted()
    known.fact("text", file, read)
    known.fact("length", file, lambda f: len(f.read_text()))
    os.utime(file, (1, 1))
    assert known.fact("text", file, read) == "one" and len(read.asked) == 2
    file.write_text("three")
    os.utime(file, (1, 1))
    assert known.fact("text", file, read) == "three"
    assert known.fact("length", file, lambda f: len(f.read_text())) == 5


def test_one_file_has_one_entry_whatever_it_is_called(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, read = KnownFiles(), Counted()
    known.fact("text", file, read)
    monkeypatch.chdir(file.parent)
    known.fact("text", Path("a.txt"), read)
    known.fact("text", file.parent / "." / "a.txt", read)
    assert len(read.asked) == 1


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KnownFiles().fact("text", tmp_path / "none", Counted())


def test_what_cannot_be_computed_is_not_remembered(file: Path) -> None:
    known, read = KnownFiles(), Counted()

    def broken(file: Path) -> str:
        raise PermissionError

    with pytest.raises(PermissionError):
        known.fact("text", file, broken)
    assert known.fact("text", file, read) == "one"


# --- kept in a file --------------------------------------------------------------------------------------------------------------


def test_facts_are_kept_for_the_next_run(file: Path, store: Path) -> None:
    first, read = KnownFiles(store), Counted()
    first.fact("text", file, read)
    assert not store.exists(), "written when it is asked for"
    first.save()
    assert KnownFiles(store).fact("text", file, read) == "one" and read.asked == ["a.txt"]


def test_the_store_is_written_only_if_something_is_new(file: Path, store: Path) -> None:
    KnownFiles(store).save()
    assert not store.exists()
    known = KnownFiles(store)
    known.fact("text", file, Counted())
    known.save()
    os.utime(store, (1, 1))
    known.save()
    again = KnownFiles(store)
    again.fact("text", file, Counted())
    again.save()
    assert store.stat().st_mtime == 1


def test_a_file_that_is_forgotten_is_computed_again_and_not_kept(file: Path, store: Path) -> None:
    known, read = KnownFiles(store), Counted()
    known.fact("text", file, read)
    known.save()
    assert known.forget(file) and not known.forget(file)
    known.save()
    assert open_sealed(store.read_bytes())["files"] == {}
    assert known.fact("text", file, read) == "one" and len(read.asked) == 2


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


DAMAGES: list[Callable[[Path], Any]] = [
    Path.unlink,
    flip_a_bit,
    lambda store: store.write_bytes(b""),
    lambda store: store.write_bytes(store.read_bytes()[:-3]),
    lambda store: store.write_bytes(b"\xff\x00"),
    lambda store: store.write_text("[]"),
    lambda store: store.write_bytes(sealed({"facts": {}})),
    lambda store: store.write_bytes(sealed({"files": ["a"]})),
    lambda store: store.write_text(store.read_text().replace('"one"', '"two"')),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_costs_time_and_nothing_else(file: Path, store: Path, damage) -> None:
    known, read = KnownFiles(store), Counted()
    known.fact("text", file, read)
    known.save()
    damage(store)
    for _ in range(2):
        healed = KnownFiles(store)
        assert healed.fact("text", file, read) == "one"
        healed.save()
    assert len(read.asked) == 2, "once for the damage"


def test_a_folder_in_the_place_of_the_store_is_no_store(file: Path, store: Path) -> None:
    store.mkdir(parents=True)
    assert KnownFiles(store).fact("text", file, Counted()) == "one"


# --- among threads ---------------------------------------------------------------------------------------------------------------


def test_threads_may_ask_and_save_at_once(tmp_path: Path, store: Path) -> None:
    files = [tmp_path / f"{i}.txt" for i in range(40)]
    for i, each in enumerate(files):
        each.write_text(str(i))
    known, errors = KnownFiles(store), []

    def ask() -> None:
        try:
            for i, each in enumerate(files):
                assert known.fact("text", each, Path.read_text) == str(i)
                known.save()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and len(open_sealed(store.read_bytes())["files"]) == 40


def test_the_sha256_is_of_all_bytes(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 5000)
    expected = hashlib.sha256(large.read_bytes()).hexdigest()
    assert sha256_of(large) == KnownFiles().sha256(large) == expected

"""Every kind of file that a run leaves, damaged in every way: a rerun ends like an undisturbed run."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pandas as pd
import pytest

from project import Project, row

Damage = Callable[[Path], object]


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(bytes(data))


def exchange(file: Path) -> None:
    """With a neighbour of the same kind; a file without one is replaced by another file's content."""
    others = sorted(f for f in file.parent.iterdir() if f.suffix == file.suffix and f != file)
    if not others:
        file.write_bytes(file.read_bytes()[::-1])
        return
    mine, theirs = file.read_bytes(), others[0].read_bytes()
    file.write_bytes(theirs)
    others[0].write_bytes(mine)


def edit(file: Path) -> None:
    """As somebody would who wants another result: the file stays readable."""
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        for column in table:
            if pd.api.types.is_numeric_dtype(table[column]):
                table[column] = table[column] + 1
            else:
                table[column] = "edited"
        table.to_parquet(file, index=False)
    elif file.suffix in {".json", ".csv", ".html", ".js", ".svg"}:
        file.write_text(re.sub(r"\d", lambda m: str(9 - int(m[0])), file.read_text()))
    else:
        with file.open("ab") as handle:
            handle.write(b"edited")


DAMAGES: dict[str, Damage] = {
    "truncate": truncate,
    "flip a bit": flip_a_bit,
    "exchange": exchange,
    "delete": Path.unlink,
    "edit": edit,
}


def kind(file: Path, data: Path) -> str:
    """Files of one kind lie in one folder, or in one folder per variant, and have one suffix."""
    place = file.parent.relative_to(data)
    names = [part for part in place.parts if part not in {"vace", "vace_pe_ie"}]
    tables = file.name if len(names) < 2 or file.name.startswith("_") else ""
    return f"{'/'.join(names)}/{tables or '*' + file.suffix}"


def kinds(data: Path) -> dict[str, Path]:
    """One file of each kind."""
    found: dict[str, Path] = {}
    for file in sorted(f for f in data.rglob("*") if f.is_file()):
        found.setdefault(kind(file, data), file)
    return found


def results(data: Path) -> dict[str, bytes]:
    """What a reader sees: everything but the records, which say when and how fast things were made."""
    files = sorted(f for f in data.rglob("*") if f.is_file() and f.suffix != ".json")
    return {str(f.relative_to(data)): timeless(f.read_bytes()) for f in files}


def timeless(content: bytes) -> bytes:
    """Without when and how fast clips were made, which the gallery and the report take from their records."""
    content = re.sub(rb'"(seconds|made)":("[^"]*"|[0-9.e-]+)', b"", content)
    return re.sub(rb"<tr data-making.*", b"", content)


@pytest.fixture
def finished(project: Project) -> Iterator[Project]:
    """Three samples of two people, run to the end; ``backup`` holds the results."""
    project.write_samples([row(1), row(2), row(3, person_id="p1", reference="r1.png")])
    project.run("full")
    shutil.copytree(project.data, project.folder / "backup")
    yield project


def restore(project: Project) -> None:
    shutil.rmtree(project.data)
    shutil.copytree(project.folder / "backup", project.data)


def assert_like_undisturbed(project: Project, what: str) -> None:
    expected, found = results(project.folder / "backup"), results(project.data)
    assert set(found) == set(expected), what
    assert [name for name in expected if found[name] != expected[name]] == [], what


def test_there_are_all_kinds(finished: Project) -> None:
    found = set(kinds(finished.data))
    assert {
        "04_feature/face_attributes/*.json",
        "05_model_input/enhanced_references/*.png",
        "05_model_input/enhanced_references/*.json",
        "05_model_input/enhanced_prompts.parquet",
        "07_model_output/clips/*.mp4",
        "07_model_output/clips/*.json",
        "07_model_output/clips/_index.json",
        "07_model_output/clip_scores/*.json",
        "07_model_output/clip_plan.parquet",
        "08_reporting/strips/*.png",
        "08_reporting/contact_sheets/*.png",
        "08_reporting/variant_sheets/*.png",
        "08_reporting/samples/*.html",
        "08_reporting/scores.csv",
        "08_reporting/variant_means.svg",
        "08_reporting/report.html",
        "08_reporting/gallery.html",
        "08_reporting/gallery_data.js",
        "08_reporting/clip_facts/*.json",
        "02_intermediate/known_references.json",
    } <= found


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_all_kinds_at_once_heals(finished: Project, damage: str) -> None:
    for file in kinds(finished.data).values():
        DAMAGES[damage](file)
    finished.run("full")
    assert_like_undisturbed(finished, damage)


def test_damage_to_one_kind_heals_without_the_others(finished: Project) -> None:
    """A kind that other stages read, alone: nothing else tells that something is wrong.

    Each kind is damaged in one way here; ``TPIGE_TAMPER=all`` tries every way on every kind.
    """
    read = [name for name in kinds(finished.data) if not name.startswith(("08", "02"))]
    everything = os.environ.get("TPIGE_TAMPER") == "all"
    ways = cycle(DAMAGES)
    for name in read:
        for way in DAMAGES if everything else [next(ways)]:
            restore(finished)
            DAMAGES[way](kinds(finished.data)[name])
            finished.run("full")
            assert_like_undisturbed(finished, f"{way}: {name}")


def test_one_stage_alone_says_which_file_is_damaged_and_what_to_do(finished: Project) -> None:
    truncate(finished.data / "02_intermediate" / "checked_samples.parquet")
    with pytest.raises(Exception, match=r"checked_samples\.parquet is damaged.*delete it and run"):
        finished.run("scoring")

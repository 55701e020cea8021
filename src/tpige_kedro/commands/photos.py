"""Photos of people in a folder: a file for each person, or a folder for each who has several."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tpige_kedro.characters import shown
from tpige_kedro.datasets.leftovers import is_leftover
from tpige_kedro.datasets.picture_files.formats import ACCEPTED, PictureProblem
from tpige_kedro.datasets.picture_files.names import is_picture_name
from tpige_kedro.datasets.picture_files.person_folders import (
    control_in_name,
    in_order,
    pictures_in,
)
from tpige_kedro.datasets.pictures import Pictures
from tpige_kedro.pipelines.prompt_enhancement.ids import id_problem

LONGEST = 90  # characters of a person's id: a prompt's number follows


@dataclass(frozen=True)
class Photographed:
    """A person: the id, the name of the picture or, with a slash behind it, of the folder, and the files."""

    person_id: str
    reference: str
    files: Sequence[Path]


@dataclass
class Found:
    """The people in a folder, what is wrong with them, and the other files there."""

    people: list[Photographed] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    not_taken: list[str] = field(default_factory=list)


def find_people(folder: Path) -> Found:
    """Who is in a folder of photos, in the order of their names. Every picture is opened."""
    found = Found()
    by_name = {f.name: f for f in folder.iterdir() if not is_leftover(f)}
    for name in in_order(by_name):
        place = by_name[name]
        if place.is_dir():
            _add_folder(place, found)
        elif is_picture_name(name):
            _add(place.stem, name, [place], found)
        else:
            found.not_taken.append(shown(name))
    if not found.people and not found.problems:
        found.problems.append(
            f"{folder} holds no pictures ({ACCEPTED}); put one photo for each person there, or a folder of photos for each"
        )
    found.problems += [*_clashes(found.people), *_unreadable(found.people)]
    return found


def _add_folder(place: Path, found: Found) -> None:
    files = [f for f in place.iterdir() if not is_leftover(f)]
    pictures = {f.name for f in files if f.is_file() and is_picture_name(f.name)}
    rest = [f"{shown(place.name)}/{shown(name)}" for name in in_order(f.name for f in files) if name not in pictures]  # fmt: skip
    if not pictures:
        found.not_taken.append(f"{shown(place.name)}/ (no pictures)")
        return
    found.not_taken += rest
    try:
        names = pictures_in(place, place.name)
    except PictureProblem as problem:
        found.problems.append(str(problem))
        return
    _add(place.name, f"{place.name}/", [place / name for name in names], found)


def _add(name: str, reference: str, files: Sequence[Path], found: Found) -> None:
    if control_in_name(reference):
        found.problems.append(f"{shown(reference)}: its name has invisible characters; rename it")
        return
    person = person_id(name)
    if not person or id_problem("person_id", person):
        found.problems.append(
            f"{shown(reference)}: this name cannot become an id; rename it with letters a to z, digits, dashes and underscores, no "
            f"more than {LONGEST}"
        )
        return
    found.people.append(Photographed(person, reference, files))


def person_id(name: str) -> str:
    """A name as an id: accents go, and what an id cannot hold becomes ``_``; the empty text if a letter would be lost.

    >>> person_id("Zoë Müller (2)"), person_id("ada.lovelace"), person_id("李明")
    ('Zoe_Muller_2', 'ada.lovelace', '')
    """
    plain = [m for m in unicodedata.normalize("NFKD", name) if unicodedata.category(m)[0] != "M"]
    if any(not mark.isascii() and unicodedata.category(mark)[0] in "LN" for mark in plain):
        return ""
    safe = "".join(m if m.isascii() and (m.isalnum() or m in ".-") else "_" for m in plain)
    words = "_".join(filter(None, safe.split("_"))).strip("._-")
    return words if len(words) <= LONGEST else ""


def _clashes(people: Sequence[Photographed]) -> Iterator[str]:
    """People whose ids, or names of files, are one on disks that do not tell upper from lower case."""
    first: dict[str, Photographed] = {}
    for person in people:
        other = first.setdefault(person.person_id.lower(), person)
        if other is not person:
            yield (
                f"{shown(other.reference)} and {shown(person.reference)} would be the same person, {person.person_id}; rename one, or put "
                "all pictures of the person into one folder"
            )


def _unreadable(people: Sequence[Photographed]) -> Iterator[str]:
    """Pictures that cannot be opened, and pictures that are there twice."""
    first: dict[str, Path] = {}
    for file in (file for person in people for file in person.files):
        checked = Pictures({file.name: file}).check(file.name)
        if checked.problem:
            yield checked.problem
            continue
        other = first.setdefault(checked.hash, file)
        if other != file:
            yield f"{shown(str(file))} is the same picture as {shown(str(other))}; remove one of them"

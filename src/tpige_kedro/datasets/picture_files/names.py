"""Which file a name means: compared as its user sees it, whatever system wrote the name or the file."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from tpige_kedro.datasets.picture_files.formats import SUFFIXES, PictureProblem

FOLDER = "references"
SHOWN = 3  # names in an error


def named(wanted: str, names: Iterable[str], folder: str = FOLDER) -> str:
    """The one of ``names`` that ``wanted`` means.

    Names are equal if they look equal: Unicode forms (NFC, NFD), upper and lower case, spaces around, ``\\\\`` for ``/`` and the
    folder in front make no difference. The suffix may be left out, as file managers do.

    >>> named("references\\\\Ada.PNG", ["ada.png", "bob.png"])
    'ada.png'

    Raises:
        PictureProblem: none or several; similar ones are named.
    """
    files = sorted(names)
    bare = _without_folder(wanted, folder)
    if "/" in bare:
        raise PictureProblem(_path_problem(wanted, bare, files, folder))
    if bare in files or wanted in files:
        return bare if bare in files else wanted
    found = matches(bare, files)
    if len(found) == 1:
        return found[0]
    if found:
        raise several(wanted, found, folder)
    raise PictureProblem(_absent(wanted, similar(bare, files), folder))


def matches(wanted: str, files: Iterable[str]) -> list[str]:
    """The ``files`` whose names look like ``wanted``, with or without their suffix; the closest kind of likeness only.

    >>> matches("ada", ["ada.png", "ADA.jpg", "Ada.txt", "bob.png"])
    ['ada.png', 'ADA.jpg']
    """
    names = list(files)
    for key in (_normal, _look):
        found = [name for name in names if key(name) == key(wanted)]
        if found:
            return found
    found = [name for name in names if _bare(name) == _look(wanted)]
    return [name for name in found if is_picture_name(name)] or found


def similar(wanted: str, files: Iterable[str]) -> list[str]:
    """The ``files`` that may have been meant: with another suffix, accent, dash, space or width.

    >>> similar("zoe.png", ["Zoë.heic", "ada.png"])
    ['Zoë.heic']
    """
    return [name for name in files if _loose(name) == _loose(wanted)]


def several(wanted: str, found: Iterable[str], folder: str) -> PictureProblem:
    """That two files may be meant."""
    files = " and ".join(f"{folder}/{name}" for name in sorted(found))
    return PictureProblem(
        f"reference {wanted!r} could be {files}; keep one of them or write its whole name"
    )


def _without_folder(wanted: str, folder: str) -> str:
    bare = wanted.strip().replace("\\", "/")
    while bare.startswith("./"):
        bare = bare[2:]
    first, slash, rest = bare.partition("/")
    return rest if slash and first.casefold() == folder.casefold() else bare


def _path_problem(wanted: str, bare: str, files: list[str], folder: str) -> str:
    last = PurePosixPath(bare).name
    there = [name for name in files if _look(name) == _look(last)]
    if there:
        return f"reference {wanted!r} is a path; {folder}/{there[0]} is there: write {there[0]!r}"
    return (
        f"reference {wanted!r} is a path; put the picture into the folder {folder} and write its file "
        "name only"
    )


def _absent(wanted: str, close: list[str], folder: str) -> str:
    if close:
        files = ", ".join(f"{folder}/{name}" for name in close[:SHOWN])
        verb = "is" if len(close) == 1 else "are"
        return (
            f"reference {wanted!r} is not in the folder {folder}, but {files} {verb} there; write that name "
            "or rename the file"
        )
    return f"reference {wanted!r} is not in the folder {folder}; put it there or correct its name"


def is_picture_name(name: str) -> bool:
    """Whether a name ends as those of pictures do."""
    return PurePosixPath(name.strip().lower()).suffix in SUFFIXES


@lru_cache(100_000)
def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip())


@lru_cache(100_000)
def _look(name: str) -> str:
    return unicodedata.normalize("NFC", _normal(name).casefold())


@lru_cache(100_000)
def _bare(name: str) -> str:
    return _look(PurePosixPath(name).stem)


@lru_cache(100_000)
def _loose(name: str) -> str:
    stem = PurePosixPath(name.strip()).stem
    plain = unicodedata.normalize("NFKD", stem).casefold()
    return "".join(mark for mark in plain if mark.isalnum()) or _look(stem)

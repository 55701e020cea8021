"""Several pictures of one person: a folder beside the other reference pictures, named in place of a picture."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from tpige_kedro.characters import shown
from tpige_kedro.datasets.leftovers import is_leftover
from tpige_kedro.datasets.picture_files.formats import PictureProblem
from tpige_kedro.datasets.picture_files.names import FOLDER, is_picture_name, matches, several

MOST = 16  # pictures of one person; the generators take four
DIGITS = re.compile(r"(\d+)")


def folder_named(wanted: str, folders: Iterable[str], pictures: Iterable[str]) -> str:
    """Find the folder that ``wanted`` names; an empty string if there is none.

    Names are compared as those of pictures are. A slash behind the name says that it is a folder.

    >>> folder_named("references/Ada/", ["ada", "bob"], ["ada.png"])
    'ada'

    Raises:
        PictureProblem: a folder and a picture may be meant, or there is no such folder.
    """
    bare = wanted.strip().replace("\\", "/")
    bare = re.sub(r"^(\./)+", "", bare)
    first, slash, rest = bare.partition("/")
    if slash and rest and first.casefold() == FOLDER:
        bare = rest
    is_folder = bare.endswith("/")
    bare = bare.rstrip("/")
    found = [f for f in matches(bare, folders) if _whole(f, bare)] if "/" not in bare else []
    if len(found) > 1:
        raise several(wanted, [f"{name}/" for name in found], FOLDER)
    if is_folder and not found:
        raise PictureProblem(
            f"reference {wanted!r} is not a folder in {FOLDER}; make it and put the person's pictures there, or correct its name"
        )
    if found and not is_folder and (files := matches(bare, pictures)):
        raise PictureProblem(
            f"reference {wanted!r} may be {FOLDER}/{files[0]} or the folder {FOLDER}/{found[0]}; write {files[0]!r} or {found[0] + '/'!r}"
        )
    return found[0] if found else ""


def _whole(folder: str, wanted: str) -> bool:
    """Folders have no suffix that could be left out."""
    return _plain(folder) == _plain(wanted)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def pictures_in(folder: Path, wanted: str) -> list[str]:
    """The names of a person's pictures in their order: the first is the one that faces are read from and scored against.

    Numbers count as numbers, so ``2.jpg`` comes before ``10.jpg``. Other files are not looked at.

    Raises:
        PictureProblem: none, or more than 16.
    """
    try:
        names = [f.name for f in folder.iterdir() if not is_leftover(f) and not f.is_dir()]
    except OSError as error:
        raise PictureProblem(
            f"reference {wanted!r}: the folder cannot be read ({error.strerror}); make it readable"
        ) from error
    pictures = in_order(filter(is_picture_name, names))
    if not pictures:
        raise PictureProblem(
            f"reference {wanted!r} is a folder without pictures; put the person's pictures there, the best one first by name"
        )
    if odd := next((name for name in pictures if control_in_name(name)), ""):
        raise PictureProblem(
            f"reference {wanted!r}: the name of the file {shown(odd)} has invisible characters; rename it"
        )
    if len(pictures) > MOST:
        raise PictureProblem(
            f"reference {wanted!r} is a folder of {len(pictures)} pictures; keep at most {MOST}, the best one first by name"
        )
    return pictures


def control_in_name(name: str) -> bool:
    """Whether a file name holds line ends, control or format characters, or bytes that are no text.

    >>> (
    ...     control_in_name("Zoë\\u202f1.jpg"),
    ...     control_in_name("a\\n.jpg"),
    ...     control_in_name("\\udcff.jpg"),
    ... )
    (False, True, True)
    """
    return any(unicodedata.category(m)[0] == "C" or m in "\u2028\u2029" for m in name)


def in_order(names: Iterable[str]) -> list[str]:
    """Names as people count them.

    >>> in_order(["10.jpg", "2.jpg", "a.png", "B.png"])
    ['2.jpg', '10.jpg', 'a.png', 'B.png']
    """
    return sorted(names, key=lambda name: (_parts(name), name))


def _parts(name: str) -> Sequence[tuple[int, int, str]]:
    parts = DIGITS.split(_plain(name))
    return [(0, int(p), "") if p.isdecimal() and p.isascii() else (1, 0, p) for p in parts if p]

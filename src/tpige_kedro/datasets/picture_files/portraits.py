"""The one portrait of a person in a folder, by the stem of its name."""

from __future__ import annotations

from pathlib import Path

from tpige_kedro.datasets.leftovers import is_leftover
from tpige_kedro.datasets.picture_files.names import is_picture_name, matches, several, similar


def names_in(folder: Path) -> list[str]:
    """The names of what is in a folder, leftovers of systems aside; none if it is absent."""
    files = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(file.name for file in files if not is_leftover(file))


def find_portrait(
    folder: Path, names: list[str], stem: str, absent: str, *, of_one: bool = False
) -> tuple[str, str]:
    """The one of ``names`` in ``folder`` that is ``<stem>.<suffix>``, and what is wrong if not exactly one is.

    ``absent`` says what is missing; a file that may have been meant is added to it: one with a similar name or, in a folder ``of_one``
    person, the only picture.

    >>> find_portrait(Path("ID_image"), ["ada.heic", "bob.jpg"], "bob", "bob.png is missing")
    ('bob.jpg', '')
    """
    found = matches(stem, names)
    if len(found) == 1:
        return found[0], ""
    if found:
        return "", str(several(stem, found, folder.name))
    close = similar(stem, names)
    if not close and of_one:
        pictures = [name for name in names if is_picture_name(name)]
        close = pictures if len(pictures) == 1 else []
    there = f"; {folder / close[0]} is there: rename it if it is the right one" if close else ""
    return "", absent + there

"""Files that systems leave beside a user's own: never input, whatever their suffix."""

from __future__ import annotations

from pathlib import PurePath

# what file managers, sync clients and downloads leave, compared without case
NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"})
STARTS = (".", "~$", "$recycle")  # hidden files and AppleDouble (._ada.png), open documents, bins
ENDS = (":zone.identifier", ".part", ".crdownload", ".partial")  # marks and unfinished downloads


def is_leftover(path: str | PurePath) -> bool:
    """Whether a file or folder was left by a system and is no user's input; only the name counts, nothing is opened.

    >>> [is_leftover(name) for name in ("set/._ada.png", ".DS_Store", "Thumbs.db", "ada.png")]
    [True, True, True, False]
    """
    name = PurePath(path).name.lower()
    return name in NAMES or name.startswith(STARTS) or name.endswith(ENDS)

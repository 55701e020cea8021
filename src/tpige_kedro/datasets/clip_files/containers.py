"""Which files of a folder are clips: containers by their suffix, without leftovers of systems and browsers."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from tpige_kedro.datasets.leftovers import is_leftover

SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mj2", ".f4v", ".webm", ".mkv"),
        *(".avi", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".wmv", ".asf", ".flv"),
        *(".ogv", ".ogg", ".mxf", ".nut", ".y4m", ".ivf", ".gif", ".apng"),
    }
)
# what could be meant as a clip and is not read, with the reason
UNREAD = {
    **dict.fromkeys((".part", ".crdownload", ".download", ".partial"), "an unfinished download"),
    **dict.fromkeys((".tmp", ".temp"), "an unfinished copy"),
    **dict.fromkeys((".zip", ".tar", ".gz", ".7z", ".rar"), "an archive: unpack it"),
    **dict.fromkeys((".m3u8", ".m3u", ".mpd", ".sdp", ".pls"), "a playlist, which holds no video"),
    **dict.fromkeys((".npy", ".npz", ".pt"), "an array: save it as a video"),
    **dict.fromkeys((".rm", ".rmvb", ".swf"), "a format that is not read: save it as mp4"),
    ".webp": "animated WebP is not read: save it as mp4",
}


def is_clip_name(name: str) -> bool:
    """Whether a file of this name is taken for a clip.

    >>> [is_clip_name(n) for n in ("s1.mp4", "s1.WebM", "._s1.mp4", "s1.png")]
    [True, True, False, False]
    """
    return not is_leftover(name) and Path(name).suffix.lower() in SUFFIXES


def composed(name: str) -> str:
    """A name as its user sees it: macOS stores ``ä`` as two characters, other systems as one."""
    return unicodedata.normalize("NFC", name)


def clip_files(folder: Path) -> dict[str, list[Path]]:
    """The clips in a folder by the stem of their names, in order; the reader refuses several files for one stem."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if is_clip_name(file.name) and file.is_file():
            found.setdefault(composed(file.stem), []).append(file)
    return found


def unread_files(folder: Path) -> list[str]:
    """Files in a folder that could be meant as clips but are not read: the names, each with the reason."""
    found = []
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.is_dir() and is_clip_name(file.name):
            found.append(f"{file.name} (a folder)")
        reason = UNREAD.get(file.suffix.lower())
        if (
            reason and not file.is_dir() and not is_leftover(file.stem)
        ):  # a download is one by its suffix
            found.append(f"{file.name} ({reason})")
    return found


def resembling(folder: Path, stem: str) -> list[str]:
    """What could be meant by ``<stem>.mp4`` in a folder that lacks it: names that differ in case, and files that are not read."""
    wanted = composed(stem).lower()
    if not folder.is_dir():
        return []
    unread = [told for told in unread_files(folder) if _begins(told, wanted)]
    files = [file.name for files in clip_files(folder).values() for file in files]
    return unread + [name for name in files if composed(Path(name).stem).lower() == wanted]


def _begins(name: str, stem: str) -> bool:
    return composed(name).lower().startswith(f"{stem}.")

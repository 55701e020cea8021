"""``--params=clips_root=/path``: clips made elsewhere become the variants of this run, without an entry in any file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tpige_kedro.datasets.clip_files.containers import clip_files, unread_files
from tpige_kedro.datasets.leftovers import is_leftover
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.models import local_path
from tpige_kedro.video_generators.imported import IMPORTED

logger = logging.getLogger(__name__)

MODEL = "imported"
NOT_CLIPS = {"prompts", "ID_image", "references"}  # of the layouts of samples
SHOWN = 5  # names in one line


def with_clips(raw: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the clips below ``clips_root``, if that is set, in place of the variants of the files.

    Every sub-folder with video files is a variant of its name; a folder that holds the clips itself is one variant ``imported``.
    What is in there and could be meant as clips, but is not read, is logged with the reason.
    Experts, baseline and comparisons of the selection are those of the files as far as they are there; with fewer than two of the
    experts there is nothing to choose between, and all variants take part.

    Raises:
        RunStopped: there is no such folder, or no clip in it.
    """
    if not raw.get("clips_root"):
        return raw
    root = local_path(str(raw["clips_root"]))
    names = [folder.name for folder in clip_folders(root)]
    pattern = "{variant}/{sample_id}" if names else "{sample_id}"
    names = names or [MODEL]
    model = {
        "type": IMPORTED,
        "source": str(root),
        "licence": "of the clips' owner",
        "options": {"pattern": pattern},
    }
    moe = dict(raw["moe"])
    experts = [name for name in moe["experts"] if name in names]
    moe["experts"] = experts if len(experts) > 1 else names
    moe["baseline"] = moe.get("baseline") if moe.get("baseline") in names else None
    moe["comparisons"] = [p for p in moe.get("comparisons", []) if set(p) <= set(names)]
    return {
        **raw,
        "models": {**raw["models"], MODEL: model},
        "variants": {name: {"generator": MODEL} for name in names},
        "moe": moe,
    }


def clip_folders(root: Path) -> list[Path]:
    """The subfolders with clips; none if the clips are in ``root`` itself."""
    if not root.is_dir():
        raise RunStopped(f"clips_root: {root} is not a directory; set it to a directory with clips")
    folders = [f for f in sorted(root.iterdir()) if f.is_dir() and f.name not in NOT_CLIPS]
    folders = [folder for folder in folders if not is_leftover(folder.name)]
    flat = bool(clip_files(root))
    found = [folder for folder in folders if clip_files(folder)]
    unread = list(_unread(root, folders, found, flat))
    if not flat and not found:
        told = f" (not read: {_some(unread)})" if unread else ""
        raise RunStopped(
            f"clips_root: no clip in {root}{told}; put clips there as <variant>/<sample_id>.mp4, or as <sample_id>.mp4"
        )
    if unread:
        logger.warning("clips_root: not read in %s: %s", root, _some(unread))
    return [] if flat else found


def _unread(root: Path, folders: list[Path], found: list[Path], flat: bool) -> Iterator[str]:
    """What is below ``root`` and could be meant as clips, but is not taken, with the reason."""
    yield from unread_files(root)
    for folder in folders:
        if flat and folder in found:
            yield f"{folder.name}/ (clips lie beside it: move them into a folder of their own)"
            continue
        files = [f"{folder.name}/{told}" for told in unread_files(folder)]
        deeper = [f for f in sorted(folder.iterdir()) if f.is_dir() and clip_files(f)]
        files += [f"{folder.name}/{f.name}/ (too deep: set clips_root to {folder})" for f in deeper]
        yield from files
        if not files and not flat and folder not in found:
            yield f"{folder.name}/ (no video in it)"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return "; ".join(names[:SHOWN]) + more

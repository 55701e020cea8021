"""``--params=clips_root=/path``: clips made elsewhere become the variants of this run, without an entry in any file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.models import local_path
from tpige_kedro.video_generators.imported import IMPORTED

MODEL = "imported"
NOT_CLIPS = {"prompts", "ID_image", "references"}  # of the layouts of samples


def with_clips(raw: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the clips below ``clips_root``, if that is set, in place of the variants of the files.

    Every sub-folder with mp4 files is a variant of its name; a folder that holds the clips itself is one variant ``imported``.
    Experts, baseline and comparisons of the selection are those of the files as far as they are there; without any of the
    experts all variants take part.

    Raises:
        RunStopped: there is no such folder, or no clip in it.
    """
    if not raw.get("clips_root"):
        return raw
    root = local_path(str(raw["clips_root"]))
    names = [folder.name for folder in clip_folders(root)]
    pattern = "{variant}/{sample_id}.mp4" if names else "{sample_id}.mp4"
    names = names or [MODEL]
    model = {
        "type": IMPORTED,
        "source": str(root),
        "licence": "of the clips' owner",
        "options": {"pattern": pattern},
    }
    moe = dict(raw["moe"])
    moe["experts"] = [name for name in moe["experts"] if name in names] or names
    moe["baseline"] = moe.get("baseline") if moe.get("baseline") in names else None
    moe["comparisons"] = [p for p in moe.get("comparisons", []) if set(p) <= set(names)]
    return {
        **raw,
        "models": {**raw["models"], MODEL: model},
        "variants": {name: {"generator": MODEL} for name in names},
        "moe": moe,
    }


def clip_folders(root: Path) -> list[Path]:
    """The sub-folders with clips; none if the clips lie in ``root`` itself."""
    if not root.is_dir():
        raise RunStopped(f"clips_root: {root} is no folder; set it to a folder with clips")
    if any(root.glob("*.mp4")):
        return []
    folders = [f for f in sorted(root.iterdir()) if f.is_dir() and f.name not in NOT_CLIPS]
    found = [folder for folder in folders if any(folder.glob("*.mp4"))]
    if not found:
        raise RunStopped(
            f"clips_root: no clip in {root}; put clips there as <variant>/<sample_id>.mp4, or as <sample_id>.mp4"
        )
    return found

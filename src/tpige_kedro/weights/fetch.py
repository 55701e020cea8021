"""From a place to files on this machine: local ones as they are, those of the hub from its cache, else downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tpige_kedro.weights.sources import local_path


def fetched(place: str, revision: str | None = None, files: Sequence[str] = ()) -> Path:
    """The file or folder that holds ``files`` of ``place`` on this machine; everything is loaded from there.

    Args:
        place: a local file or folder, or a hub id.
        revision: pins a hub id: a commit, branch or tag.
        files: patterns of what is needed, as :mod:`fnmatch` reads them; none means all.

    Raises:
        ModelError: what could not be had and why, in the hub's own words, and what to do.
    """
    path = local_path(place)
    if path.exists():
        return path
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(place, revision=revision, allow_patterns=list(files) or None))

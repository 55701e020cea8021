"""The hub's cache on this machine, in the layout that huggingface_hub documents and shares with everybody.

``models--owner--name/``: ``refs/<branch or tag>`` holds a commit, ``blobs/<hash>`` the contents, ``snapshots/<commit>/…`` links to
them under their names, and ``trees/<commit>.json`` says what the commit has, so that nobody has to ask again.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

MAIN = "main"
TREE_FORMAT = 1  # of huggingface_hub 2; another one is not read


@dataclass(frozen=True)
class HubFile:
    """A file as the hub lists it: its size in bytes, the sha1 that git gives it, and the sha256 of one that LFS keeps."""

    name: str
    size: int
    git_sha1: str
    sha256: str | None = None

    @property
    def blob(self) -> str:
        """What its content is called in the cache."""
        return self.sha256 or self.git_sha1

    @property
    def digest(self) -> tuple[str, str]:
        """How its content is checked: the name of the hash, and its hex digits."""
        return ("sha256", self.sha256) if self.sha256 else ("git-sha1", self.git_sha1)


@dataclass(frozen=True)
class CachedRepository:
    """One repository in the cache; nothing of it has to be there."""

    folder: Path

    @classmethod
    def of(cls, place: str) -> CachedRepository:
        """The repository ``owner/name`` in the cache that ``HF_HUB_CACHE`` or ``HF_HOME`` name."""
        from huggingface_hub import constants

        return cls(Path(constants.HF_HUB_CACHE).absolute() / f"models--{place.replace('/', '--')}")

    def commit_of(self, revision: str) -> str | None:
        """The commit that a branch or tag stood for when it was downloaded."""
        try:
            return (self.folder / "refs" / revision).read_text(encoding="utf-8").strip() or None
        except (OSError, ValueError):
            return None

    def commits(self) -> list[str]:
        """The commits of which something is here."""
        folder = self.folder / "snapshots"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def snapshot(self, commit: str) -> Path:
        """The folder with the files of a commit."""
        return self.folder / "snapshots" / commit

    def blob(self, file: HubFile) -> Path:
        """Where the content of a file is kept."""
        return self.folder / "blobs" / file.blob

    def partial(self, file: HubFile) -> Path:
        """Where what has come of it is kept while it is downloaded."""
        return self.folder / "blobs" / f"{file.blob}.incomplete"

    def lock(self, file: HubFile) -> Path:
        """The file that whoever downloads this content locks; huggingface_hub takes the same one."""
        return self.folder.parent / ".locks" / self.folder.name / f"{file.blob}.lock"

    def has(self, file: HubFile) -> bool:
        """Whether the content of a file is here, in its size."""
        try:
            return self.blob(file).stat().st_size == file.size
        except OSError:
            return False

    def holds(self, commit: str, file: HubFile) -> bool:
        """Whether a file lies in the folder of a commit, in its size."""
        try:
            return (self.snapshot(commit) / file.name).stat().st_size == file.size
        except OSError:  # not there, or a link to nothing
            return False

    def link(self, commit: str, file: HubFile) -> None:
        """Give a content its name in the folder of a commit; where there are no links it moves there."""
        path = self.snapshot(commit) / file.name
        if self.holds(commit, file):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        blob = self.blob(file)
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except FileExistsError:  # another process was quicker
            return
        except (OSError, NotImplementedError):  # Windows without that right, some network disks
            try:
                os.link(blob, path)
            except (OSError, NotImplementedError):
                os.replace(blob, path)

    def point(self, revision: str, commit: str) -> None:
        """Note what a branch or tag stands for."""
        path = self.folder / "refs" / revision
        if self.commit_of(revision) != commit:
            _write(path, commit)

    def listing(self, commit: str) -> dict[str, HubFile] | None:
        """What a commit has, if that is known here."""
        try:
            tree = json.loads((self.folder / "trees" / f"{commit}.json").read_text("utf-8"))
            if tree["format_version"] != TREE_FORMAT:
                return None
            return {
                name: HubFile(
                    name,
                    entry.get("lfs_size", entry["size"]),
                    entry["blob_id"],
                    entry.get("lfs_sha256"),
                )
                for name, entry in tree["files"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep_listing(self, commit: str, files: Mapping[str, HubFile]) -> None:
        """Note what a commit has."""
        entries = {name: _in_tree(file) for name, file in sorted(files.items())}
        tree = {"format_version": TREE_FORMAT, "files": entries}
        _write(self.folder / "trees" / f"{commit}.json", json.dumps(tree, indent=1))


def _in_tree(file: HubFile) -> dict[str, object]:
    entry: dict[str, object] = {"size": file.size, "blob_id": file.git_sha1}
    if file.sha256:
        entry |= {"lfs_sha256": file.sha256, "lfs_size": file.size}
    return entry


def _write(path: Path, text: str) -> None:
    """Save a small file at once, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)

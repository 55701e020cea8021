"""A file to download, what was announced about it, and whether the download matches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class WrongContentError(Exception):
    """What came is not what was announced: what differs."""


@dataclass(frozen=True)
class Download:
    """A file to get.

    ``size`` in bytes and ``digest`` (as :func:`hashlib.new` names it, and its hex digits or their beginning) are what was announced,
    None where nothing was. ``partial`` keeps what has come, ``target`` gets the whole file, ``name`` is for messages.
    """

    name: str
    url: str
    partial: Path
    target: Path
    size: int | None = None
    digest: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def check_announced(job: Download, start: int, answer: Any) -> None:
    """Whether the answer can be the file at all."""
    kind = answer.headers.get("Content-Type", "")
    if "html" in kind and not job.name.endswith(".html"):
        raise WrongContentError(
            f"{job.name}: a web page arrived instead of it ({kind.partition(';')[0]})"
        )
    length = answer.headers.get("Content-Length", "")
    if job.size is not None and length.isdigit() and start + int(length) != job.size:
        raise WrongContentError(
            f"{job.name}: {start + int(length):,} bytes would arrive instead of the announced {job.size:,}"
        )


def check(job: Download, digest: Any) -> None:
    """Whether the whole file is what was announced."""
    size = job.partial.stat().st_size if job.partial.exists() else 0
    if job.size is not None and size != job.size:
        raise WrongContentError(
            f"{job.name}: {size:,} bytes arrived instead of the announced {job.size:,}"
        )
    if job.digest is None:
        return
    name, announced = job.digest
    found = digest.hexdigest()[: len(announced)]
    if found != announced:
        raise WrongContentError(
            f"{job.name}: its {name.removeprefix('git-')} is {found[:12]}… instead of the announced {announced[:12]}…"
        )


def new_digest(job: Download) -> Any:
    """A digest as it was announced; git's one begins with the size."""
    name = job.digest[0] if job.digest else "sha256"
    digest = hashlib.new(name.removeprefix("git-"))
    if name.startswith("git-"):
        digest.update(b"blob %d\0" % (job.size or 0))
    return digest

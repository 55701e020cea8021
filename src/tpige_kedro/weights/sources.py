"""Sources of weights: a local file or folder, or a hub id."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tpige_kedro.errors import ModelError

HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")


def project_root() -> Path:
    """The folder with ``pyproject.toml`` and ``conf``: of this checkout, or the working directory of a packaged run."""
    checkout = Path(__file__).resolve().parents[3]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def local_path(source: str) -> Path:
    """``source`` as a path; relative ones start at the project root."""
    path = Path(os.path.expanduser(source))  # leaves an unknown user as it is
    return path if path.is_absolute() else project_root() / path


def is_local(source: str) -> bool:
    """Whether ``source`` is a file or folder of this machine, and no hub id."""
    return local_path(source).exists()


def resolve_source(source: str) -> str:
    """A local file or folder if there is one, else the hub id itself.

    Raises:
        ModelError: neither an existing path nor the form ``owner/name`` of a hub id.

    >>> resolve_source("Wan-AI/Wan2.1-VACE-1.3B-diffusers")
    'Wan-AI/Wan2.1-VACE-1.3B-diffusers'
    """
    path = local_path(source)
    if path.exists():
        return str(path)
    if HUB_ID.match(source):
        return source
    raise ModelError(
        f"model source {source!r}: no such file or folder; set models.<name>.source to a local folder or a hub id "
        f"({where_from(source)})"
    )


def where_from(source: str | Path) -> str:
    """Where the files of a model come from, as the end of a message that misses them."""
    if "mini" in Path(source).parts:
        return "mini checkpoints are made by `kedro run --pipelines=train_mini`"
    return "docs/models.md says where the weights are and how to fill the folder"

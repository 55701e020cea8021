"""What a record says of the code and the libraries that made its item: commit, versions, device."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from tpige_kedro import __version__
from tpige_kedro.weights.sources import project_root

PACKAGE = Path(__file__).resolve().parents[1]
LIBRARIES = ("torch", "diffusers", "transformers")
PATIENCE = 5.0  # seconds for git
# of a git command that this process runs inside of: they would lead to another repository
FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


@dataclass(frozen=True)
class GitState:
    """The commit of the checkout that holds this package, and whether code or configuration were changed since.

    Both are ``unknown`` outside git, and where the repository around the package does not track it: an environment with installed
    packages inside somebody's project.
    """

    commit: str = "unknown"
    dirty: bool | Literal["unknown"] = "unknown"


def environment() -> dict[str, Any]:
    """The code and libraries of this process, in JSON types; a library that is not installed is None.

    >>> list(environment())
    ['commit', 'dirty', 'tpige_kedro', 'python', 'torch', 'diffusers', 'transformers', 'device']
    """
    git = git_state()
    return {
        "commit": git.commit,
        "dirty": git.dirty,
        "tpige_kedro": __version__,
        "python": platform.python_version(),
        **_libraries(),
        "device": _device(),
    }


@cache
def git_state(package: Path = PACKAGE, conf: Path | None = None) -> GitState:
    """The state of the checkout when this process first asked. ``conf`` is the folder of the configuration, of the project by default."""
    folder = str(package)
    if _git(folder, "ls-files", "--error-unmatch", "--", "__init__.py") is None:
        return GitState()
    commit = _git(folder, "rev-parse", "HEAD")
    looked_at = (folder, str(conf or project_root() / "conf"))
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", *looked_at)
    if changes is None:  # the configuration lies outside of the repository
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", folder)
    if not commit or changes is None:
        return GitState()
    return GitState(commit, bool(changes))


def _git(folder: str, *arguments: str) -> str | None:
    """What git prints, None if it cannot; pathspecs are names, and no lock is taken that another command may need."""
    command = ["git", "--no-optional-locks", "--literal-pathspecs", "-C", folder, *arguments]
    surroundings = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    try:
        found = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env=surroundings,
        )
    except (OSError, subprocess.TimeoutExpired):  # no git here
        return None
    return found.stdout.strip() if found.returncode == 0 else None


@cache
def _libraries() -> dict[str, str | None]:
    return {name: _version(name) for name in LIBRARIES}


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _device() -> str:
    """The name of the GPU if this process uses torch and has one; asking must not import it."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)  # None too while torch is being imported
    return _gpu_name() if cuda is not None and cuda.is_available() else "cpu"


@cache
def _gpu_name() -> str:
    import torch

    return torch.cuda.get_device_name(0)

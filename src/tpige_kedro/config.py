"""The configuration with its paths as users write them: ``~`` is the home folder, and braces are letters like all others."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from tpige_kedro.characters import is_control, shown
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.mlflow.uri import with_home
from tpige_kedro.weights.sources import project_root

PATHS = ("data_root", "samples_root", "sample_list", "clips_root")  # parameters; see globals.yml
NEEDED = ("data_root", "samples_root")
PLACES = ("filepath", "path", "known", "only")  # of datasets in the catalog
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
INTERPOLATION = re.compile(r"(\\*)\$\{")


def user_path(name: str, value: Any) -> str:
    """A path as it is written in the parameter ``name``, with the home folder for ``~``.

    Raises:
        RunStopped: it is empty, no text, a URL, of a user that does not exist, or holds control characters.

    >>> user_path("data_root", "/tmp/{run}")
    '/tmp/{run}'
    """
    if not isinstance(value, str | os.PathLike):
        raise RunStopped(f"{name}: {value!r} is not a path; write it as text, such as ./{value}")
    path = os.path.expanduser(os.fspath(value))
    problem = ""
    if not path.strip() and name in NEEDED:
        problem = "it is empty; write a folder, or leave the parameter out"
    elif any(is_control(mark) or mark in "\t\n\r" for mark in path):
        problem = "it holds a line break or control characters; rename the folder"
    elif URL.match(path):
        problem = "it is a URL; write a folder of this machine"
    elif path.startswith("~"):
        problem = "no such user; write the folder out, or ./~… for one of that name"
    if problem:
        raise RunStopped(f"{name} '{shown(path)}': {problem}")
    return path


def user_paths(values: dict[str, Any] | None) -> dict[str, Any]:
    """The same values with :func:`user_path` for the paths among them; a path that is null counts as not given."""
    given = {k: v for k, v in (values or {}).items() if k not in PATHS or v is not None}
    return {k: user_path(k, v) if k in PATHS else v for k, v in given.items()}


class ProjectConfigLoader(OmegaConfigLoader):
    """Kedro's loader, for paths with any characters in them.

    OmegaConf takes ``${x}`` in a path for another key, and Kedro's catalog takes ``{x}`` in one for a dataset factory. The first
    is escaped; in the catalog, a path with braces is no text, which Kedro leaves alone.
    """

    runtime_params: dict[str, Any]

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(conf_source, env, user_paths(runtime_params), **options)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The configuration ``key``."""
        given: dict[str, Any] = self.runtime_params
        self.runtime_params = {k: _escaped(v) if k in PATHS else v for k, v in given.items()}
        try:
            values: dict[str, Any] = super().__getitem__(key)
        finally:
            self.runtime_params = given
        if key == "globals":
            return {k: user_path(k, v) if k in PATHS and v else v for k, v in values.items()}
        if key == "catalog":
            return {name: _with_plain_paths(name, config) for name, config in values.items()}
        if key == "mlflow" and isinstance(values.get("tracking_uri"), str):
            return {**values, "tracking_uri": with_home(values["tracking_uri"])}
        return values


def _escaped(path: Any) -> Any:
    return INTERPOLATION.sub(r"\1\1\\${", path) if isinstance(path, str) else path


def _with_plain_paths(name: str, config: Any) -> Any:
    if (
        not isinstance(config, dict) or "{" in name
    ):  # the name of a factory: there they mean something
        return config
    return {k: _plain(v) if k in PLACES else v for k, v in config.items()}


def _plain(path: Any) -> Any:
    """A path object where Kedro would see a placeholder, or would take what stands before a colon for a protocol."""
    special = isinstance(path, str) and any(mark in path for mark in "{}:")
    return project_root() / path if special else path

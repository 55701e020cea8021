"""The configuration: environments that extend others, and paths as users write them.

``~`` is the home folder, and braces are letters like all others.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, cast

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from tpige_kedro.characters import is_control, shown
from tpige_kedro.hooks.environments import FILE, REMOVABLE, environment_names, layers
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.mlflow.uri import with_home
from tpige_kedro.hooks.narrowing import narrowed_moe
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
    """Kedro's loader, for environments that extend others and for paths with any characters in them.

    Kedro reads a base and one environment. Here the environments that the latter extends (:mod:`~tpige_kedro.hooks.environments`) are
    read between them, each by Kedro's rules: interpolations see their own environment, and ``merge_strategy`` says how the next
    one changes what is there.

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
        self._layers: tuple[str, ...] = ()
        patterns = {**(options.pop("config_patterns", None) or {}), "environment": [FILE]}
        super().__init__(
            conf_source, env, user_paths(runtime_params), config_patterns=patterns, **options
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """The environments that are read, the base first."""
        if not self._layers:
            env = self.env or self.default_run_env
            known = environment_names(Path(self.conf_source))
            self._layers = layers(env, lambda name: self._alone("environment", name), known, self.base_env)  # fmt: skip
        return self._layers

    @property
    def description(self) -> str:
        """What the environment of this run says of itself; empty if it does not."""
        return str(self._alone("environment", self.layers[-1]).get("description", ""))

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The configuration ``key``."""
        given: dict[str, Any] = self.runtime_params
        self.runtime_params = {k: _escaped(v) if k in PATHS else v for k, v in given.items()}
        try:
            values = self._merged(key)
        finally:
            self.runtime_params = given
        if key == "globals":
            return {k: user_path(k, v) if k in PATHS and v else v for k, v in values.items()}
        if key == "catalog":
            return {name: _with_plain_paths(name, config) for name, config in values.items()}
        if key == "parameters":
            return without_removed(values)
        if key == "mlflow" and isinstance(values.get("tracking_uri"), str):
            return {**values, "tracking_uri": with_home(values["tracking_uri"])}
        return values

    def _merged(self, key: str) -> dict[str, Any]:
        if key in self or len(self.layers) <= 2:  # a value that was set, or what Kedro does itself
            return super().__getitem__(key)
        values: dict[str, Any] = {}
        for layer in self.layers:
            values = self._changed(key, values, self._alone(key, layer))
        return values or super().__getitem__(key)  # which says that no file has it

    def _alone(self, key: str, layer: str) -> dict[str, Any]:
        """What one environment says: Kedro reads no other if base and environment are the same."""
        base, env = self.base_env, self.env
        self.base_env = self.env = layer
        try:
            return super().__getitem__(key)
        finally:
            self.base_env, self.env = base, env

    def _changed(self, key: str, values: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
        if self.merge_strategy.get(key) != "soft":
            return {**values, **later}
        merged = OmegaConf.to_container(OmegaConf.unsafe_merge(values, later))
        return cast("dict[str, Any]", merged)  # of two mappings, a mapping with text as keys


def without_removed(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters without the models and variants that a later environment removes by ``null``, also in the selection.

    >>> without_removed(
    ...     {"seed": None, "variants": {"vace": {"generator": "mini_vace"}, "vace_pe_fast": None}}
    ... )
    {'seed': None, 'variants': {'vace': {'generator': 'mini_vace'}}}
    """
    kept = {name: parameters[name] for name in REMOVABLE if isinstance(parameters.get(name), dict)}
    removed = {
        name: {key: value for key, value in section.items() if value is not None}
        for name, section in kept.items()
    }
    return _selected({**parameters, **removed}, parameters)


def _selected(kept: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What is ``kept`` of the parameters, with the selection among the variants that are."""
    variants, moe = given.get("variants"), kept.get("moe")
    if not isinstance(variants, dict) or not isinstance(moe, dict):
        return kept
    gone = [name for name, entry in variants.items() if entry is None]
    return {**kept, "moe": narrowed_moe(moe, gone, list(kept["variants"]))[0]}


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

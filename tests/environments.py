"""The parameters of the environments that ship, as one mapping, with changes."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml
from kedro.pipeline import Pipeline

from project import ROOT, merged
from tpige_kedro.config import without_removed
from tpige_kedro.hooks.environments import readable_layers
from tpige_kedro.pipeline_registry import register_pipelines
from tpige_kedro.schemas import Parameters


def parameters(*environments: str, **changes: Any) -> Parameters:
    """Those of ``conf/base``, changed by the environments and what they extend, changed by ``changes``."""
    found: dict[str, Any] = {}
    read = [name for each in environments for name in readable_layers(ROOT / "conf", each)]
    for environment in dict.fromkeys(["base", *read]):
        for file in sorted((ROOT / "conf" / environment).glob("parameters*.yml")):
            found = merged(found, yaml.safe_load(file.read_text()))
    return Parameters.model_validate(without_removed(merged(found, changes)))


@cache
def all_pipelines() -> dict[str, Pipeline]:
    return register_pipelines()


def stages(*names: str) -> Pipeline:
    """Pipelines of these names as one."""
    return sum((all_pipelines()[name] for name in names), Pipeline([]))

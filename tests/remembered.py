"""What Kedro, OmegaConf and pandera work out again at each run, remembered for a whole process of tests: hundreds of runs are in one.

Each is a pure function, or the answer that a package is not installed, so a run does what it does elsewhere. Together they are half
of a run with stand-in models.
"""

from __future__ import annotations

import gc
import importlib.util
import pickle
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import dynaconf.loaders.py_loader
import dynaconf.utils.files
import omegaconf._utils
import omegaconf.base
import omegaconf.omegaconf
import pandera.pandas
from kedro.framework.project import _ProjectPipelines

# that Kedro and pandera look for at each value and each table, in every folder of sys.path
OTHER_FRAMES = ("ibis", "modin", "polars", "pyspark")
# where Kedro looks for each dataset class first, in every folder of sys.path
OTHER_DATASETS = (
    "kedro.io.kedro_datasets",
    "kedro.io.tpige_kedro",
    "kedro_datasets.kedro_datasets",
    "kedro_datasets.tpige_kedro",
)


def remember() -> None:
    """Take effect; once a process, before the first run and before tests are collected."""
    gc.disable()  # until imported_stays()
    for module in (dynaconf.utils.files, dynaconf.loaders.py_loader):
        module.inspect = SimpleNamespace(stack=stack)
    parse = lru_cache(maxsize=4096)(omegaconf.base.parse)
    omegaconf.base.parse = omegaconf._utils.parse = parse  # type: ignore[attr-defined]
    config = omegaconf.OmegaConf
    config.load = staticmethod(remembered_load(config.load))  # type: ignore[method-assign]
    schema = pandera.pandas.DataFrameSchema
    schema.validate = remembered_validation(schema.validate)  # type: ignore[method-assign]
    registry = _ProjectPipelines._get_pipelines_registry_callable
    _ProjectPipelines._get_pipelines_registry_callable = staticmethod(  # type: ignore[method-assign]
        lambda module: remembered_pipelines(registry(module))
    )
    frames = [name for name in OTHER_FRAMES if importlib.util.find_spec(name) is None]
    for name in (*frames, *OTHER_DATASETS):
        sys.modules[name] = None  # type: ignore[assignment]


def stack() -> list[SimpleNamespace]:
    """``inspect.stack()`` as far as dynaconf reads it, without the source of every frame below pytest."""
    frame, frames = sys._getframe(1), []
    while frame:
        frames.append(SimpleNamespace(filename=frame.f_code.co_filename))
        frame = frame.f_back  # type: ignore[assignment]
    return frames


def remembered_load(load: Callable[..., Any]) -> Callable[..., Any]:
    """``OmegaConf.load``: the same text is parsed once. Nothing is kept of a text with an error, which names the file."""
    known: dict[str, bytes] = {}

    def loaded(file: Any) -> Any:
        if not hasattr(file, "read"):
            return load(file)
        text = file.read()
        if text not in known:
            file.seek(0)
            known[text] = pickle.dumps(load(file))
        return pickle.loads(known[text])

    return loaded


def remembered_validation(validate: Callable[..., Any]) -> Callable[..., Any]:
    """``DataFrameSchema.validate``: a table like one that passed the same schema passes. One that fails is checked each time."""
    passed: dict[tuple[int, bytes], tuple[Any, bytes]] = {}

    def validated(schema: Any, table: Any, *args: Any, **options: Any) -> Any:
        key = id(schema), pickle.dumps((table, args, sorted(options.items())))
        if key not in passed:  # with the schema, so that no other gets its id
            passed[key] = schema, pickle.dumps(validate(schema, table, *args, **options))
        return pickle.loads(passed[key][1])

    return validated


@cache
def remembered_pipelines(register: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """``register_pipelines``; pipelines never change."""
    registered: dict[str, Any] = {}

    def remembered() -> dict[str, Any]:
        if not registered:
            registered.update(register())
        return {**registered}

    return remembered


def imported_stays() -> None:
    """All that is there once the tests are collected stays: the collector of garbage need not look at it again and again."""
    gc.enable()
    gc.collect()
    gc.freeze()

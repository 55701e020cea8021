"""One run at a time writes below a data root; see :mod:`tpige_kedro.execution.lock`."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from pydantic import TypeAdapter

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.lock import DataRootLock
from tpige_kedro.execution.stopping import when_stopped
from tpige_kedro.files.atomic import sweep
from tpige_kedro.hooks.errors import RunStopped

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog


def data_root_of(context: KedroContext) -> Path:
    """Where a run of this Kedro context writes: what ``--params=data_root=`` says, else ``data_root`` of ``globals.yml``."""
    return configured_path(context.config_loader, Path(context.project_path), "data_root")


def configured_path(config_loader: AbstractConfigLoader, project: Path, name: str) -> Path:
    """The path ``name`` of the runtime parameters, else of ``globals.yml``; relative ones start at ``project``.

    Raises:
        RunStopped: neither has it.
    """
    given = (config_loader.runtime_params or {}).get(name) or config_loader["globals"].get(name)
    if not given:
        raise RunStopped(f"{name} is not set; set it in conf/base/globals.yml")
    return project / Path(str(given))


def writes_below(root: Path, pipeline: Pipeline, catalog: DataCatalog) -> bool:
    """Whether a pipeline saves a dataset below ``root``; what lives in memory or elsewhere needs no lock."""
    root = root.resolve()
    for name in pipeline.all_outputs():
        dataset = catalog.get(name)
        place = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
        if place is not None and Path(str(place)).resolve().is_relative_to(root):
            return True
    return False


class LockHooks:
    """Takes the lock before anything is opened, swept or written. :class:`ReleaseHooks` lets it go.

    Hooks live as long as the process, and its threads may run pipelines side by side, so what belongs to a run is kept by thread.
    What an interrupted run of the same thread left, in a notebook for one, is let go by the next one.
    """

    def __init__(self) -> None:
        self._run = threading.local()

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note where this run writes, and whether it waits; the parameters were checked by then."""
        self._run.root = data_root_of(context)
        wait = context.config_loader["parameters"].get("wait", False)
        self._run.wait = TypeAdapter(bool).validate_python(wait)

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Take the lock. Raises :class:`RunStopped` if another run has it and this one does not wait."""
        self.release()
        root = self._run.root
        if not writes_below(root, pipeline, catalog):
            return
        lock = DataRootLock(root)
        try:
            lock.acquire(wait=self._run.wait)
        except TpigeError as error:
            raise RunStopped(str(error)) from error
        self._run.lock, self._run.drop = lock, when_stopped(lock.release)
        for stage in root.iterdir():  # tables and plots that a killed run left half written
            if stage.is_dir():
                sweep(stage)

    def release(self) -> None:
        """Let go what this thread has taken."""
        lock = getattr(self._run, "lock", None)
        if lock is not None:
            self._run.drop()
            lock.release()
            self._run.lock = None


class ReleaseHooks:
    """Lets the lock go after all other hooks, also if one of them raises."""

    def __init__(self, lock: LockHooks) -> None:
        self._lock = lock

    @hook_impl(wrapper=True)
    def before_pipeline_run(self) -> Generator[None, object, object]:
        """A run that is refused by another hook has nothing to write."""
        try:
            return (yield)
        except BaseException:
            self._lock.release()
            raise

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Generator[None, object, object]:
        """When everything is saved and reported."""
        try:
            return (yield)
        finally:
            self._lock.release()

    @hook_impl(wrapper=True)
    def on_pipeline_error(self) -> Generator[None, object, object]:
        """When the error is reported."""
        try:
            return (yield)
        finally:
            self._lock.release()

"""Chooses the engine of a run, and closes it when the run ends, however it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.engines.build import build_engine, engine_problem
from tpige_kedro.execution.engines.in_use import use_engine
from tpige_kedro.execution.stopping import when_stopped
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.schemas import Parameters

if TYPE_CHECKING:
    from kedro.io import DataCatalog


def engine_problems(parameters: Parameters) -> Iterator[str]:
    """Why the requested engine cannot be used."""
    if problem := engine_problem(parameters.execution):
        yield problem


class EngineHooks:
    """Called after the checks of the parameters. Nothing is started before a stage has something to do."""

    def __init__(self) -> None:
        self._run = threading.local()

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Use the engine of ``execution.engine``."""
        self._close()
        try:
            engine = build_engine(catalog.load("params:execution"))
        except TpigeError as error:
            raise RunStopped(str(error)) from error
        self._run.open = stack = ExitStack()
        stack.enter_context(use_engine(engine))
        stack.callback(when_stopped(stack.close))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close it."""
        self._close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Close it."""
        self._close()

    def _close(self) -> None:
        stack = getattr(self._run, "open", None)
        if stack is not None:
            self._run.open = None
            stack.close()

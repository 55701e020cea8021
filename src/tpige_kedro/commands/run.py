"""``kedro run``: Kedro's own command, which SIGTERM and Ctrl-C end in order, and whose errors are readable."""

from __future__ import annotations

import copy
import gc
from typing import Any

from kedro.framework.cli.project import run as kedro_run

from tpige_kedro.commands.params import split_params
from tpige_kedro.commands.readable import VERBOSE, ReadableCommand
from tpige_kedro.execution.stopping import stoppable

COLLECT_AFTER = (
    50_000  # new objects; Python's 700 make a run over thousands of items a fifth slower
)


def run_pipelines(**options: Any) -> Any:
    """Run with a less frequent garbage collection; ``--pipeline=X`` means ``--pipelines=X``, since people write both."""
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    if options["pipeline"] and not options["pipelines"]:  # Kedro would warn that one form will go
        options |= {"pipeline": None, "pipelines": [options["pipeline"]]}
    assert kedro_run.callback is not None
    return kedro_run.callback(**options)


def with_callback(option: Any) -> Any:
    """``--params`` with our own reading of paths."""
    option = copy.copy(option)
    if option.name == "params":
        option.callback = split_params
    return option


run = ReadableCommand(
    name="run",
    callback=stoppable(run_pipelines),
    params=[*map(with_callback, kedro_run.params), VERBOSE],
    help=kedro_run.help,
    context_settings=kedro_run.context_settings,
)

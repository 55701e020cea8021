"""The project's commands in Kedro's CLI: ``kedro run``, which stops in order, and our own.

Kedro imports this module for every command, so a command is imported when it is called.
"""

from __future__ import annotations

from typing import Any

from kedro.framework.cli.utils import CONTEXT_SETTINGS, LazyGroup

cli = LazyGroup(
    name="tpige_kedro",
    context_settings=CONTEXT_SETTINGS,
    lazy_subcommands={
        "run": "tpige_kedro.commands.run.run",
        "download": "tpige_kedro.commands.download.download",
        "forget": "tpige_kedro.commands.forget.forget",
        "rehearse": "tpige_kedro.commands.rehearse.rehearse",
    },
)


def __getattr__(name: str) -> Any:
    """``run``, which Kedro looks for here when the package is run without Kedro's CLI."""
    if name == "run":
        from tpige_kedro.commands.run import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

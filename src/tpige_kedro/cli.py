"""The project's commands in Kedro's CLI: ``kedro run`` with an orderly stop, and our own.

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
        "export": "tpige_kedro.commands.export.export",
        "forget": "tpige_kedro.commands.forget.forget",
        "plan": "tpige_kedro.commands.plan.plan",
        "plan-study": "tpige_kedro.commands.plan_study.plan_study",
        "samples": "tpige_kedro.commands.samples.samples",
        "rehearse": "tpige_kedro.commands.rehearse.rehearse",
        "remake": "tpige_kedro.commands.remake.remake",
        "study": "tpige_kedro.commands.study.study",
    },
)


def __getattr__(name: str) -> Any:
    """``run``, which Kedro looks for here when the package is run without Kedro's CLI."""
    if name == "run":
        from tpige_kedro.commands.run import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

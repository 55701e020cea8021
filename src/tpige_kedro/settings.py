"""Kedro's settings of this project: the hooks, and how configuration is found and merged."""

import os
import sys

from tpige_kedro.execution.stopping import stop_before_it_begins

# before the imports below, which take a second or two; other commands, such as `kedro ipython`, have uses of their own for Ctrl-C
if sys.argv[1:2] == ["run"]:
    stop_before_it_begins()

# read when Arrow is imported: its own allocator keeps some 15 MB that the tables of a large run took for a moment
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

from tpige_kedro.config import ProjectConfigLoader
from tpige_kedro.console import escape_logs
from tpige_kedro.hooks import FailureHooks, MlflowHooks, ParameterHooks
from tpige_kedro.hooks.drawn_people import DrawnPeopleHooks
from tpige_kedro.hooks.engine import EngineHooks
from tpige_kedro.hooks.evaluated import EvaluatedHooks
from tpige_kedro.hooks.leftovers import LeftoverHooks
from tpige_kedro.hooks.lock import LockHooks, ReleaseHooks
from tpige_kedro.hooks.mlflow.required import RequiredHooks

escape_logs()

# the hook registered last is called first: parameters are checked before the lock is taken, which happens before a run is
# opened in MLflow, and that run is closed before failures end it with an error; RequiredHooks and ReleaseHooks are called around all others
lock, mlflow, parameters = LockHooks(), MlflowHooks(), ParameterHooks()
HOOKS = (
    FailureHooks(),
    LeftoverHooks(),
    mlflow,
    EngineHooks(),
    lock,
    DrawnPeopleHooks(parameters),
    parameters,
    EvaluatedHooks(),
    RequiredHooks(mlflow),
    ReleaseHooks(lock),
)

CONFIG_LOADER_CLASS = ProjectConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*"]},
    # an environment changes single keys of a parameter; without this it would replace whole top-level keys
    "merge_strategy": {"parameters": "soft"},
}

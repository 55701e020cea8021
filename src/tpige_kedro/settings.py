"""Kedro's settings of this project: the hooks, and how configuration is found and merged."""

import os

from tpige_kedro.hooks import FailureHooks, MlflowHooks, ParameterHooks

# Read by OpenMP when torch is first imported: threads that wait must not spin. On a busy machine with few cores spinning
# made a clip cost twice the CPU time, and now and then ten times the wall time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# the hook registered last is called first: parameters are checked before a run is opened, and the run is closed
# before failures end it with an error
HOOKS = (FailureHooks(), MlflowHooks(), ParameterHooks())

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*"]},
    # an environment changes single keys of a parameter; without this it would replace whole top-level keys
    "merge_strategy": {"parameters": "soft"},
}

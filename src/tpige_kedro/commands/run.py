"""``kedro run`` with Kedro's own options, except that SIGTERM and Ctrl-C end it in order."""

from __future__ import annotations

import copy

from kedro.framework.cli.project import run as kedro_run

from tpige_kedro.execution.stopping import stoppable

run = copy.copy(kedro_run)
run.callback = stoppable(kedro_run.callback)

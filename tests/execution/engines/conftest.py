"""One Ray on this machine for all tests that need it; nothing of the user's own Ray is touched."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest


@pytest.fixture(scope="session")
def ray_here() -> Iterator[str]:
    """Ray with two processors; its address."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'tpige_kedro[ray]'")
    from tpige_kedro.execution.engines.ray_crew import as_before

    before = os.environ.pop("RAY_ADDRESS", None)
    with as_before():
        import ray

        paths = [path for path in reversed(sys.path) if path]
        ray.init(
            address="local",
            num_cpus=2,
            num_gpus=0,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=100 * 2**20,
            job_config=ray.job_config.JobConfig(_py_driver_sys_path=paths),
        )
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
    if before is not None:
        os.environ["RAY_ADDRESS"] = before

"""``python -m`` commands as processes of their own that start at once: forked from one that has imported what each would import.

For tests that start many, kill them or send them signals. Whether a command works in a fresh interpreter is for :mod:`subprocess`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path

from disk import do_not_wait
from remembered import remember

WARM = multiprocessing.get_context("forkserver")
IMPORTED = (
    "av",
    "cv2",
    "kedro.config",
    "kedro.framework.cli.cli",
    "kedro.framework.context",
    "kedro.framework.session",
    "kedro.validation.pandera_validator",
    "kedro_datasets.json",
    "kedro_datasets.pandas",
    "kedro_datasets.pillow",
    "mlflow.tracking",
    "pandera.pandas",
    "pyarrow.parquet",
    "torch",
    "diffusers.models.autoencoders.autoencoder_kl_wan",
    "diffusers.models.transformers.transformer_wan_vace",
    "transformers.models.umt5.modeling_umt5",
    "tpige_kedro.metrics.motion_amount",
    "tpige_kedro.pipeline_registry",
    "tpige_kedro.settings",
    "tpige_kedro.tables",
)
WARM.set_forkserver_preload(list(IMPORTED))


class WarmCommand:
    """What tests use of :class:`subprocess.Popen`: the output, errors too, comes with :meth:`communicate`."""

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]):
        self._output, there = WARM.Pipe(duplex=False)
        with contextlib.chdir(folder):  # where the first call starts the process to fork from
            self._process = WARM.Process(
                target=_run, args=(there, list(arguments), str(folder), dict(environment))
            )
            self._process.start()
        there.close()
        self.kill, self.terminate = self._process.kill, self._process.terminate

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None and self._process.pid:
            os.kill(self._process.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """All output, once the process has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        parts = []
        while wait([self._output], None if end is None else max(0, end - time.monotonic())):
            parts.append(os.read(self._output.fileno(), 2**16))
            if not parts[-1]:
                self._process.join()
                return b"".join(parts).decode(), None
        raise subprocess.TimeoutExpired("a warm command", timeout or 0, b"".join(parts))


def _run(
    output: Connection, arguments: list[str], folder: str, environment: dict[str, str]
) -> None:
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    output.close()
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    remember()
    do_not_wait()
    gc.enable()
    gc.freeze()
    sys.argv = [*arguments]
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()

"""A JSONL log: one line per event, kept on disk as it happens, importable into MLflow later."""

from __future__ import annotations

import json
import logging
import math
import time
from pathlib import Path

from torch import Tensor

logger = logging.getLogger(__name__)


class TrainingLog:
    """Appends events to ``path``; every line has the stage, the seconds since the stage began and its numbers."""

    def __init__(self, path: Path, stage: str) -> None:
        self.path, self.stage = path, stage
        self._start = time.perf_counter()
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **values: float | int | str) -> None:
        """Append one line and echo it to the log."""
        event = {
            "stage": self.stage,
            "seconds": round(time.perf_counter() - self._start, 1),
            **values,
        }
        with self.path.open("a") as file:
            file.write(json.dumps(event) + "\n")
        logger.info("%s", json.dumps(event))

    def write_loss(self, step: int, loss: Tensor, **values: float | int | str) -> None:
        """Write the loss of a step.

        Raises:
            FloatingPointError: it is not finite, so that nothing of this training is of use.
        """
        number = loss.item()
        if not math.isfinite(number):
            raise FloatingPointError(
                f"training stage {self.stage}, step {step}: the loss is {number}; lower the learning rates or change the seed"
            )
        self.write(step=step, **values, loss=round(number, 4))

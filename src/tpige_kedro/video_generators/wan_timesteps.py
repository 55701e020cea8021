"""The noise levels of a run: the shift of the scheduler and the two tables of sigmas."""

from __future__ import annotations

from typing import Any

import numpy as np
from diffusers import UniPCMultistepScheduler


def with_shift(scheduler: Any, flow_shift: float | None) -> Any:
    """The checkpoint's scheduler, or a flow-matching UniPC like it with another shift."""
    if flow_shift is None:
        return scheduler
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
    return UniPCMultistepScheduler.from_config(scheduler.config, flow_shift=flow_shift, **flow)


SIGMA_MAX = float(np.float32(0.999))  # the authors' table is float32, the interpolation float64


def reference_sigmas(steps: int) -> np.ndarray:
    """The noise levels, before the shift, of the authors' scheduler: from 0.999 evenly towards 0 (diffusers starts at 1)."""
    return np.linspace(SIGMA_MAX, 0, steps + 1)[:-1]

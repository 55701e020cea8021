"""The sampler of a run and its noise levels: the shift, and the tables of sigmas before it.

The shift s turns a noise level into s sigma / (1 + (s - 1) sigma). Distilled models were trained on few levels: 1 - i/n for n steps, which
LightX2V's Wan2.1 models shift by 5. The timesteps of four steps are then 1000, 937.5, 833.3 and 625, those of eight 1000, 972.2, 937.5, 892.9,
833.3, 750, 625 and 416.7. ``euler`` and ``lcm`` take exactly these. ``unipc`` rounds down to whole numbers and starts at 999.

* ``unipc``: second order, uses the predictions of earlier steps; for models that were not distilled.
* ``euler``: x' = x + (sigma' - sigma) v. LightX2V samples its models so.
* ``lcm``: x' = (1 - sigma') (x - sigma v) + sigma' noise: each step starts from new noise, as consistency models and DMD are trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    FlowMatchLCMScheduler,
    UniPCMultistepScheduler,
)

FEW_STEPS: dict[str, Any] = {"euler": FlowMatchEulerDiscreteScheduler, "lcm": FlowMatchLCMScheduler}


def sampler(scheduler: Any, name: str, flow_shift: float | None) -> Any:
    """The sampler ``name`` with the shift of the checkpoint's ``scheduler``, or with ``flow_shift``."""
    if name in FEW_STEPS:
        steps = scheduler.config.num_train_timesteps
        shift = shift_of(scheduler) if flow_shift is None else flow_shift
        return FEW_STEPS[name](num_train_timesteps=steps, shift=shift)
    return with_shift(scheduler, flow_shift)


def with_shift(scheduler: Any, flow_shift: float | None) -> Any:
    """The checkpoint's scheduler, or a flow-matching UniPC like it with another shift."""
    if flow_shift is None:
        return scheduler
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
    return UniPCMultistepScheduler.from_config(scheduler.config, flow_shift=flow_shift, **flow)


def shift_of(scheduler: Any) -> float:
    """The shift of a scheduler: UniPC and those for few steps keep it under different names."""
    config = scheduler.config
    shift: float = config.flow_shift if "flow_shift" in config else config.shift
    return shift


SIGMA_MAX = float(np.float32(0.999))  # the authors' table is float32, the interpolation float64


def start_sigmas(sampler: str, table: str, steps: int) -> np.ndarray | None:
    """The noise levels of a run before the shift; ``None`` leaves them to the scheduler.

    >>> start_sigmas("euler", "diffusers", 4).tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    if table == "reference":
        return reference_sigmas(steps)
    return None if sampler == "unipc" else 1 - np.arange(steps) / steps


def reference_sigmas(steps: int) -> np.ndarray:
    """The noise levels, before the shift, of the authors' scheduler: from 0.999 evenly towards 0 (diffusers starts at 1)."""
    return np.linspace(SIGMA_MAX, 0, steps + 1)[:-1]

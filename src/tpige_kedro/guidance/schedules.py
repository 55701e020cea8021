"""How strong a guidance weight is at a step: a decay inside a window of the run, zero outside. Pure functions.

Step ``s`` of ``n`` (counted from 0) lies at the fraction ``s / n`` of the run, and a window [start, stop) holds the steps
with ``start <= s / n < stop``: 8 steps with ``stop`` .25 have two, whatever rounding makes of ``8 * stop``.
"""

from __future__ import annotations

import math

from tpige_kedro.schemas import FIRST_STEPS, Guidance, Schedule


def window(schedule: Schedule, steps: int) -> range:
    """The steps of a run of ``steps`` steps that lie in the window; may be empty if the window is narrow."""
    inside = [step for step in range(steps) if schedule.start <= step / steps < schedule.stop]
    return range(inside[0], inside[-1] + 1) if inside else range(0)


def factor(schedule: Schedule, step: int, steps: int) -> float:
    """What the weight is multiplied by at ``step``: in [0, 1], never rising inside the window, 0 outside."""
    if step not in window(schedule, steps):
        return 0.0
    progress = (step / steps - schedule.start) / (schedule.stop - schedule.start)
    return decay(schedule, progress)


def decay(schedule: Schedule, progress: float) -> float:
    """The decay at ``progress`` in [0, 1] through the window: 1 at its start, never rising."""
    if schedule.decay == "linear":
        return 1.0 - progress
    if schedule.decay == "cosine":
        return (1.0 + math.cos(math.pi * progress)) / 2.0
    if schedule.decay == "exponential":
        return math.exp(-schedule.rate * progress)
    return 1.0


def is_due(schedule: Schedule, step: int, steps: int, every: int, first: int = FIRST_STEPS) -> bool:
    """Whether ``step`` recomputes what is reused between: the ``first`` steps of the window, then every ``every``-th of it."""
    inside = window(schedule, steps)
    if step not in inside:
        return False
    since = step - inside.start
    return since < first or since % every == 0


def check_windows(guidance: Guidance, steps: int) -> None:
    """Raise ``ValueError`` if a weight's window holds no step of a run of ``steps`` steps, or ``first_steps`` leaves none to reuse."""
    weights = {
        "text_schedule": (guidance.text_weight, guidance.text_schedule),
        "identity_schedule": (guidance.identity_weight, guidance.identity_schedule),
    }
    for key, (weight, schedule) in weights.items():
        if weight > 0 and not window(schedule, steps):
            raise ValueError(
                f"guidance.{key}: no step of {steps} lies in the window "
                f"[{schedule.start}, {schedule.stop}); widen it"
            )
    if guidance.identity_weight > 0 and guidance.first_steps != FIRST_STEPS:
        _check_reuse(guidance, steps)


def _check_reuse(guidance: Guidance, steps: int) -> None:
    schedule, every, first = guidance.identity_schedule, guidance.reuse_every, guidance.first_steps
    inside = window(schedule, steps)
    if all(is_due(schedule, step, steps, every, first) for step in inside):
        raise ValueError(
            f"guidance.first_steps: with {first} and reuse_every {every}, all {len(inside)} steps of the window compute the "
            "difference and none reuses it; lower it, or remove both"
        )

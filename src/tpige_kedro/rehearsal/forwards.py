"""How many forwards of the transformer the steps of a variant take, as its guider says, and which variants are worth running."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tpige_kedro.rehearsal.places import class_name
from tpige_kedro.schemas import Guidance, ModelSpec, Parameters


def forwards(guider: Any, steps: int) -> list[int]:
    """How many forwards each step runs.

    >>> from tpige_kedro.guidance.id_aware import IdAwareGuidance
    >>> forwards(IdAwareGuidance(text_weight=4.0, identity_weight=0.5, skip_layers=(2,)), 3)
    [3, 3, 3]
    """
    counts = []
    for step in range(steps):
        guider.set_state(step=step, num_inference_steps=steps, timestep=None)
        counts.append(len(guider.branches()))
    return counts


def guider_of(spec: ModelSpec, guidance: Guidance) -> Any:
    """The guider that a generator will use for ``guidance``; None for generators that are not steered by one."""
    from tpige_kedro.guidance.id_aware import IdAwareGuidance
    from tpige_kedro.guidance.phantom import PhantomGuidance

    if class_name(spec) == "WanVace":
        return IdAwareGuidance.from_settings(guidance)
    if class_name(spec) == "Phantom":
        image_scale = float(spec.options.get("image_scale", 5.0))
        return PhantomGuidance.from_settings(guidance, image_scale=image_scale)
    return None


def cheapest_and_dearest(
    names: Sequence[str], parameters: Parameters, steps: int
) -> tuple[str, ...]:
    """The variant of one generator with the fewest forwards in a run, and the one with the most, where they differ."""

    def total(name: str) -> int:
        variant = parameters.variants[name]
        guider = guider_of(parameters.models[variant.generator], variant.guidance)
        return 0 if guider is None else sum(forwards(guider, steps))

    chosen = [min(names, key=total), max(names, key=total)]
    return tuple(dict.fromkeys(chosen))

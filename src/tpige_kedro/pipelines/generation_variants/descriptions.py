"""A variant in a few words, so that any two that differ in a setting read differently."""

from __future__ import annotations

from tpige_kedro.pipelines.generation_variants.noise import noise_of
from tpige_kedro.schemas import FIRST_STEPS, Guidance, ModelSpec, Schedule, Variant
from tpige_kedro.video_generators.imported import is_imported


def describe(variant: Variant, generator: ModelSpec) -> str:
    """Generator, inputs and guidance; a service and imported clips have no guidance.

    >>> enhanced = Variant(generator="wan", prompt="enhanced", guidance=Guidance(text_weight=5))
    >>> describe(
    ...     enhanced,
    ...     ModelSpec(
    ...         type="tpige_kedro.video_generators.wan_vace.WanVace",
    ...         licence="Apache-2.0",
    ...         source="a/b",
    ...     ),
    ... )
    'wan · enhanced prompt · W_c 5'
    """
    words = [variant.generator]
    words += [f"draw {variant.draw}"] if variant.draw else []
    words += ["noise of its own"] if noise_of(variant, generator) == "own" else []
    words += [f"{variant.prompt} prompt"] if variant.prompt == "enhanced" else []
    words += [f"{variant.reference} reference"] if variant.reference == "enhanced" else []
    if generator.source is not None and not is_imported(generator):
        words += describe_guidance(variant.guidance)
    return " · ".join(words)


def describe_guidance(guidance: Guidance) -> list[str]:
    """Both weights with their schedules, the form of the weak branch, and how often it runs; without W_i there is no weak branch."""
    words = [f"W_c {guidance.text_weight:g}", *describe_schedule(guidance.text_schedule)]
    words += [f"rescaled by {guidance.rescale:g}"] if guidance.rescale else []
    if not guidance.identity_weight:
        return words
    words += [f"W_i {guidance.identity_weight:g}", *describe_schedule(guidance.identity_schedule)]
    words.append(guidance.weak_branch.replace("_", " "))
    if guidance.skip_layers:
        words.append(f"without layer {', '.join(map(str, guidance.skip_layers))}")
    if guidance.reuse_every > 1:
        words.append(f"reused for {guidance.reuse_every} steps")
    if guidance.first_steps != FIRST_STEPS:
        words.append(f"after the first {guidance.first_steps}")
    return words


def describe_schedule(schedule: Schedule) -> list[str]:
    """The decay and the window of a weight; nothing if it is the same at every step."""
    words = []
    if schedule.decay == "exponential":
        words.append(f"exponential decay at {schedule.rate:g}")
    elif schedule.decay != "constant":
        words.append(f"{schedule.decay} decay")
    if (schedule.start, schedule.stop) != (0.0, 1.0):
        words.append(f"in [{schedule.start:g}, {schedule.stop:g})")
    return words

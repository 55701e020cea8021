"""A variant in a few words, so that two which differ in any setting read differently."""

from __future__ import annotations

from tpige_kedro.schemas import Guidance, ModelSpec, Schedule, Variant
from tpige_kedro.video_generators.imported import is_imported


def describe(variant: Variant, generator: ModelSpec) -> str:
    """Generator, inputs, guidance (a service or clips made elsewhere take none)."""
    words = [variant.generator]
    words += [f"draw {variant.draw}"] if variant.draw else []
    words += [f"{variant.prompt} prompt"] if variant.prompt == "enhanced" else []
    words += [f"{variant.reference} reference"] if variant.reference == "enhanced" else []
    if generator.source is not None and not is_imported(generator):
        words += describe_guidance(variant.guidance)
    return " · ".join(words)


def describe_guidance(guidance: Guidance) -> list[str]:
    """Both weights with their schedules, what makes the branch weak, how often it runs; without an identity weight none does."""
    words = [f"W_c {guidance.text_weight:g}", *describe_schedule(guidance.text_schedule)]
    if not guidance.identity_weight:
        return words
    words += [f"W_i {guidance.identity_weight:g}", *describe_schedule(guidance.identity_schedule)]
    words.append(guidance.weak_branch.replace("_", " "))
    if guidance.skip_layers:
        words.append(f"without layer {', '.join(map(str, guidance.skip_layers))}")
    if guidance.reuse_every > 1:
        words.append(f"reused for {guidance.reuse_every} steps")
    return words


def describe_schedule(schedule: Schedule) -> list[str]:
    """The decay and the window of a weight; nothing if it is the same in all steps."""
    words = []
    if schedule.decay == "exponential":
        words.append(f"exponential decay at {schedule.rate:g}")
    elif schedule.decay != "constant":
        words.append(f"{schedule.decay} decay")
    if (schedule.start, schedule.stop) != (0.0, 1.0):
        words.append(f"in [{schedule.start:g}, {schedule.stop:g})")
    return words

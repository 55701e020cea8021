"""The pipelines by name, written by hand: five stages, the report, all of them, evaluation alone, and the training of the mini models."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from tpige_kedro.mini import pipeline as train_mini
from tpige_kedro.pipelines import (
    evaluate,
    generation_variants,
    moe_selection,
    prompt_enhancement,
    reference_enhancement,
    reporting,
    scoring,
)


def register_pipelines() -> dict[str, Pipeline]:
    """The stages in the paper's order; ``full`` and ``__default__`` are all of them and the report."""
    stages = {
        "prompt_enhancement": prompt_enhancement.create_pipeline(),
        "reference_enhancement": reference_enhancement.create_pipeline(),
        "generation_variants": generation_variants.create_pipeline(),
        "scoring": scoring.create_pipeline(),
        "moe_selection": moe_selection.create_pipeline(),
        "reporting": reporting.create_pipeline(),
    }
    full = sum(stages.values(), Pipeline([]))
    return {
        **stages,
        "full": full,
        "__default__": full,
        "evaluate": evaluate.create_pipeline(),
        "train_mini": train_mini.create_pipeline(),
    }

"""The pipelines by name, written by hand: five stages, the report, all of them, evaluation alone, a study, and the training of the mini models."""

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
    study,
)

# The stages lie in three boxes, which Kedro-Viz shows collapsed: six boxes in a row are too many to be read on one screen.
INPUTS, CLIPS, RESULTS = "enhance_inputs", "make_and_score_clips", "select_and_report"


def boxed(box: str, stage: Pipeline) -> Pipeline:
    """A stage inside a box; datasets keep their plain names."""
    return Pipeline(stage, namespace=box, prefix_datasets_with_namespace=False)


def boxed_report() -> Pipeline:
    """The report. What it collects of failures lies in the boxes where they happen, so that the items need not leave them."""
    whole = reporting.create_pipeline()
    inputs = whole.only_nodes_with_namespaces([reporting.INPUT_FAILURES])
    clips = whole.only_nodes_with_namespaces([reporting.CLIP_FAILURES])
    return boxed(INPUTS, inputs) + boxed(CLIPS, clips) + boxed(RESULTS, whole - inputs - clips)


def register_pipelines() -> dict[str, Pipeline]:
    """The stages in the paper's order; ``full`` and ``__default__`` are all of them and the report."""
    stages = {
        "prompt_enhancement": boxed(INPUTS, prompt_enhancement.create_pipeline()),
        "reference_enhancement": boxed(INPUTS, reference_enhancement.create_pipeline()),
        "generation_variants": boxed(CLIPS, generation_variants.create_pipeline()),
        "scoring": boxed(CLIPS, scoring.create_pipeline()),
        "moe_selection": boxed(RESULTS, moe_selection.create_pipeline()),
        "reporting": boxed_report(),
    }
    full = sum(stages.values(), Pipeline([]))
    return {
        **stages,
        "full": full,
        "__default__": full,
        "evaluate": evaluate.create_pipeline(),
        "study": study.create_pipeline() + stages["reporting"],
        "train_mini": train_mini.create_pipeline(),
    }

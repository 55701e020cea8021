"""Wires ``evaluate``: check the samples, take clips made elsewhere, then scoring, selection and report as they are."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline, pipeline

from tpige_kedro.pipelines import moe_selection, reporting, scoring
from tpige_kedro.pipelines.evaluate.nodes import check_evaluated_samples
from tpige_kedro.pipelines.generation_variants.imports import import_clips
from tpige_kedro.pipelines.generation_variants.plan import list_variants

SETTINGS = ["params:variants", "params:models"]


def create_pipeline() -> Pipeline:
    """Evaluation of the clips that are there."""
    stages = [
        scoring.create_pipeline(),
        moe_selection.create_pipeline(),
        reporting.create_pipeline(enhanced=False),
    ]
    same = {"checked_samples": "evaluated_samples"}
    return take_in() + pipeline(sum(stages, Pipeline([])), inputs=same)


def take_in() -> Pipeline:
    """The samples, the variants and the clips of this run."""
    nodes = [
        Node(
            check_evaluated_samples,
            inputs=["samples", "references", "params:consent"],
            outputs=["evaluated_samples", "sample_issues"],
            name="check_samples",
        ),
        Node(list_variants, inputs=SETTINGS, outputs="variant_status", name="list_variants"),
        Node(import_clips, inputs=["evaluated_samples", *SETTINGS], outputs="clips"),
    ]
    return Pipeline(nodes, namespace="evaluate", prefix_datasets_with_namespace=False)

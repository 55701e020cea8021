"""Wires stage 3: which variants there are, what each clip is made of, and the clips."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.generation_variants.nodes import STAGE, generate_clips
from tpige_kedro.pipelines.generation_variants.plan import list_variants, plan_clips

SETTINGS = ["params:variants", "params:models"]


def create_pipeline() -> Pipeline:
    """The stage as one box; a variant is an entry of the parameters, not a node."""
    nodes = [
        Node(list_variants, inputs=SETTINGS, outputs="variant_status", name="list_variants"),
        Node(
            plan_clips,
            inputs=[
                "checked_samples",
                "enhanced_prompts",
                "enhanced_references",
                *SETTINGS,
                "params:seed",
            ],
            outputs="clip_plan",
            name="plan_clips",
        ),
        Node(
            generate_clips,
            inputs=[
                "clip_plan",
                "references",
                "enhanced_references",
                *SETTINGS,
                "params:provenance",
            ],
            outputs="clips",
            tags=["gpu"],
            name="generate_clips",
        ),
    ]
    return Pipeline(nodes, namespace=STAGE, prefix_datasets_with_namespace=False)

"""Wires stage 2: enhanced prompts and references in, redrawn references out."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.reference_enhancement.nodes import (
    redraw_references,
    write_reference_prompts,
)
from tpige_kedro.pipelines.reference_enhancement.writing import ask_reference_prompts

OPTIONS = "params:reference_enhancement"


def create_pipeline() -> Pipeline:
    """The stage as one box; its datasets keep their plain names."""
    nodes = [
        Node(
            ask_reference_prompts,
            inputs=["enhanced_prompts", OPTIONS, "params:models", "params:variants"],
            outputs="written_reference_prompts",
            name="ask_reference_prompts",
        ),
        Node(
            write_reference_prompts,
            inputs=["checked_samples", "enhanced_prompts", OPTIONS, "written_reference_prompts"],
            outputs="reference_prompts",
            name="write_reference_prompts",
        ),
        Node(
            redraw_references,
            inputs=[
                "reference_prompts",
                "references",
                OPTIONS,
                "params:models",
                "params:variants",
                "params:seed",
            ],
            outputs="enhanced_references",
            tags=["gpu"],
            name="redraw_references",
        ),
    ]
    return Pipeline(nodes, namespace="reference_enhancement", prefix_datasets_with_namespace=False)

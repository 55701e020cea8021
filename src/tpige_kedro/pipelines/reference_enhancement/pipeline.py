"""Wires stage 2: enhanced prompts and references in, redrawn references out."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.reference_enhancement.nodes import (
    redraw_references,
    write_reference_prompts,
)
from tpige_kedro.pipelines.reference_enhancement.writing import ask_reference_prompts


def create_pipeline() -> Pipeline:
    """The stage as one box; its datasets keep their plain names."""
    nodes = [
        Node(
            ask_reference_prompts,
            inputs=[
                "enhanced_prompts",
                "completed_written_reference_prompts",
                "params:reference_enhancement",
                "params:models",
                "params:variants",
            ],
            outputs=[
                "written_reference_prompts",
                "written_reference_prompt_records",
                "failures_reference_prompts",
            ],
            name="ask_reference_prompts",
        ),
        Node(
            write_reference_prompts,
            inputs=[
                "enhanced_prompts",
                "params:reference_enhancement",
                "written_reference_prompts",
                "failures_reference_prompts",
            ],
            outputs="reference_prompts",
            name="write_reference_prompts",
        ),
        Node(
            redraw_references,
            inputs={
                "checked_samples": "checked_samples",
                "references": "references",
                "reference_prompts": "reference_prompts",
                "completed": "completed_enhanced_references",
                "options": "params:reference_enhancement",
                "models": "params:models",
                "variants": "params:variants",
                "seed": "params:seed",
            },
            outputs=[
                "enhanced_references",
                "enhanced_reference_records",
                "failures_reference_enhancement",
            ],
            name="redraw_references",
            tags=["gpu"],
        ),
    ]
    return Pipeline(nodes, namespace="reference_enhancement", prefix_datasets_with_namespace=False)

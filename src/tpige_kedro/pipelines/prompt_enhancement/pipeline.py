"""Wires stage 1: samples and references in, enhanced prompts out."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.prompt_enhancement.nodes import enhance_prompts, read_faces
from tpige_kedro.pipelines.prompt_enhancement.rewriting import rewrite_prompts
from tpige_kedro.pipelines.prompt_enhancement.samples import check_samples


def create_pipeline() -> Pipeline:
    """The stage as one box; its datasets keep their plain names."""
    nodes = [
        Node(
            check_samples,
            inputs=["samples", "references", "params:consent"],
            outputs=["checked_samples", "sample_issues"],
            name="check_samples",
        ),
        Node(
            read_faces,
            inputs=[
                "checked_samples",
                "references",
                "completed_face_attributes",
                "params:prompt_enhancement",
                "params:models",
            ],
            outputs=["face_attributes", "face_attribute_records", "failures_prompt_enhancement"],
            name="read_faces",
        ),
        Node(
            rewrite_prompts,
            inputs=[
                "checked_samples",
                "references",
                "face_attributes",
                "failures_prompt_enhancement",
                "completed_rewritten_prompts",
                "params:prompt_enhancement",
                "params:models",
            ],
            outputs=["rewritten_prompts", "rewritten_prompt_records", "failures_prompt_rewriting"],
            name="rewrite_prompts",
        ),
        Node(
            enhance_prompts,
            inputs=[
                "checked_samples",
                "face_attributes",
                "failures_prompt_enhancement",
                "rewritten_prompts",
                "failures_prompt_rewriting",
                "params:prompt_enhancement",
            ],
            outputs=["enhanced_prompts", "prompt_checks"],
            name="enhance_prompts",
        ),
    ]
    return Pipeline(nodes, namespace="prompt_enhancement", prefix_datasets_with_namespace=False)

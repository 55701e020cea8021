"""Wires stage 1: samples and references in, enhanced prompts out."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.prompt_enhancement.nodes import enhance_prompts, tabulate_prompts
from tpige_kedro.pipelines.prompt_enhancement.reading import read_faces
from tpige_kedro.pipelines.prompt_enhancement.rewriting import rewrite_prompts
from tpige_kedro.pipelines.prompt_enhancement.samples import check_samples

OPTIONS = "params:prompt_enhancement"


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
            inputs=["checked_samples", "references", OPTIONS, "params:models"],
            outputs="face_attributes",
            name="read_faces",
        ),
        Node(
            rewrite_prompts,
            inputs=["checked_samples", "references", "face_attributes", OPTIONS, "params:models"],
            outputs="rewritten_prompts",
            name="rewrite_prompts",
        ),
        Node(
            enhance_prompts,
            inputs=["checked_samples", "face_attributes", "rewritten_prompts", OPTIONS],
            outputs="enhanced_prompt_items",
            name="enhance_prompts",
        ),
        Node(
            tabulate_prompts,
            inputs=["checked_samples", "enhanced_prompt_items"],
            outputs=["enhanced_prompts", "prompt_checks"],
            name="tabulate_prompts",
        ),
    ]
    return Pipeline(nodes, namespace="prompt_enhancement", prefix_datasets_with_namespace=False)

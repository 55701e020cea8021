"""Wires the selection: all scores in, the selected variant per sample and the statistics out."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.moe_selection.nodes import select_experts
from tpige_kedro.pipelines.moe_selection.statistics import compute_statistics


def create_pipeline() -> Pipeline:
    """The selection over the scores of all variants."""
    nodes = [
        Node(
            select_experts,
            inputs=["all_scores", "checked_samples", "params:moe"],
            outputs="selection",
        ),
        Node(
            compute_statistics,
            inputs=[
                "all_scores",
                "selection",
                "set_scores",
                "params:moe",
                "params:scoring",
                "params:seed",
            ],
            outputs="statistics",
        ),
    ]
    return Pipeline(nodes, namespace="moe_selection", prefix_datasets_with_namespace=False)

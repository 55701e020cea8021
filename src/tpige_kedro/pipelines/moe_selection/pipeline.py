"""Wires the selection: all score tables in, the chosen variant per sample and the statistics out."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    gather_scores,
    select_experts,
    share_wins,
    summarise_variants,
)


def create_pipeline(variants: Sequence[str]) -> Pipeline:
    """Selection over the score tables of ``variants``."""
    tables = {f"scores_{variant}": f"scores_{variant}" for variant in variants}
    nodes = [
        Node(gather_scores, inputs=tables, outputs=["all_scores", "all_scores_csv"]),
        Node(
            select_experts,
            inputs=["all_scores", "checked_samples", "params:moe"],
            outputs=["selection", "selection_csv"],
        ),
        Node(share_wins, inputs=["selection", "params:moe"], outputs="win_shares"),
        Node(
            summarise_variants,
            inputs=[
                "all_scores",
                "selection",
                "set_scores",
                "params:moe",
                "params:scoring",
                "params:seed",
            ],
            outputs=["variant_summary", "variant_summary_csv"],
        ),
        Node(
            compare_variants,
            inputs=["all_scores", "selection", "params:moe", "params:seed"],
            outputs=["variant_differences", "variant_differences_csv"],
        ),
    ]
    return Pipeline(nodes, namespace="moe_selection", prefix_datasets_with_namespace=False)

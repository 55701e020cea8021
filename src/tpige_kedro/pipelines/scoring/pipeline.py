"""Wires the scoring: records of single clips, one table of them; beside it each variant as a set."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.scoring.nodes import STAGE, score_clips
from tpige_kedro.pipelines.scoring.sets import score_sets, tabulate_sets
from tpige_kedro.pipelines.scoring.table import tabulate_scores


def create_pipeline() -> Pipeline:
    """The stage as one box: ``all_scores`` and ``set_scores`` come out."""
    settings = ["params:models", "params:scoring"]
    nodes = [
        Node(
            score_clips,
            inputs=["checked_samples", "enhanced_prompts", "clips", "references", *settings],
            outputs="clip_scores",
            tags="gpu",
            name="score_clips",
        ),
        Node(
            tabulate_scores,
            inputs=["checked_samples", "clips", "clip_scores", "params:scoring", "params:models"],
            outputs="all_scores",
            name="tabulate_scores",
        ),
        Node(
            score_sets,
            inputs=["checked_samples", "clips", "references", *settings],
            outputs="set_score_items",
            tags="gpu",
            name="score_sets",
        ),
        Node(
            tabulate_sets,
            inputs=["checked_samples", "clips", "set_score_items", "params:scoring"],
            outputs="set_scores",
            name="tabulate_sets",
        ),
    ]
    return Pipeline(nodes, namespace=STAGE, prefix_datasets_with_namespace=False)

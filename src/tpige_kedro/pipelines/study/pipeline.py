"""Wires a study: its pairs are drawn, and their clips made blind."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.reporting.comparison import declare_scores
from tpige_kedro.pipelines.study.answers import (
    collect_votes,
    compare_metrics,
    count_votes,
    score_votes,
    summarise_votes,
)
from tpige_kedro.pipelines.study.nodes import blind_clips, draw_pairs

NAME = "study"


def create_pipeline() -> Pipeline:
    """Pairs and material; ``kedro study`` shows them."""
    nodes = [*_drawing(), *_answers()]
    return Pipeline(nodes, namespace=NAME, prefix_datasets_with_namespace=False)


def _drawing() -> list[Node]:
    return [
        Node(
            draw_pairs,
            inputs=[
                "samples",
                "references",
                "clips",
                "params:consent",
                "params:study",
                "params:seed",
            ],
            outputs=["study_pairs", "shown_samples"],
        ),
        Node(
            blind_clips,
            inputs=["study_pairs", "shown_samples", "references", "clips", "params:study"],
            outputs="study_material",
        ),
    ]


def _answers() -> list[Node]:
    return [
        Node(collect_votes, inputs="study_pairs", outputs="study_votes"),
        Node(
            count_votes,
            inputs=["study_votes", "study_pairs", "params:study"],
            outputs="counted_votes",
        ),
        Node(
            score_votes,
            inputs=["counted_votes", "params:study", "params:moe", "params:seed"],
            outputs="study_scores",
        ),
        Node(
            declare_scores,
            inputs=["all_scores", "params:models", "params:scoring"],
            outputs="scores_beside_votes",
            name="declare_scores_beside_votes",
        ),
        Node(
            compare_metrics,
            inputs=[
                "counted_votes",
                "scores_beside_votes",
                "params:study",
                "params:scoring",
                "params:moe",
                "params:seed",
            ],
            outputs="study_metrics",
        ),
        Node(
            summarise_votes,
            inputs=[
                "counted_votes",
                "study_scores",
                "study_metrics",
                "scores_beside_votes",
                "clips",
                "params:study",
            ],
            outputs="study_results",
        ),
    ]

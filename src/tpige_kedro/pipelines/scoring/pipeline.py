"""Wires the scoring: one box a variant, records of single clips first, then one table."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.scoring.nodes import clip_scorer
from tpige_kedro.pipelines.scoring.table import score_table

STAGE = "scoring"


def create_pipeline(variants: Sequence[str]) -> Pipeline:
    """Scores of the clips of ``variants``; ``scores_<variant>`` comes out."""
    return sum((score(variant) for variant in variants), Pipeline([]))


def score(variant: str) -> Pipeline:
    """The nodes of one variant."""
    nodes = [
        Node(
            clip_scorer(variant),
            inputs={  # in the order of the function's arguments: Kedro finds their types so
                "samples": "checked_samples",
                "prompts": "enhanced_prompts",
                "clips": f"clips_{variant}",
                "records": f"records_{variant}",
                "references": "references",
                "completed": "completed_scores",
                "models": "params:models",
                "scoring": "params:scoring",
            },
            outputs=[f"score_records_{variant}", f"failures_scoring_{variant}"],
            name="score",
            tags=[variant, "gpu"],
        ),
        Node(
            score_table(variant),
            inputs=[
                "checked_samples",
                f"records_{variant}",
                f"score_records_{variant}",
                "params:scoring",
            ],
            outputs=f"scores_{variant}",
            name="tabulate",
            tags=[variant],
        ),
    ]
    return Pipeline(nodes, namespace=f"{STAGE}.{variant}", prefix_datasets_with_namespace=False)

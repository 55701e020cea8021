"""Wires the scoring: one box a variant, records of single clips first, then one table; beside them the variants as sets."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.scoring.nodes import clip_scorer
from tpige_kedro.pipelines.scoring.sets import score_sets, tabulate_sets
from tpige_kedro.pipelines.scoring.table import score_table

STAGE = "scoring"


def create_pipeline(variants: Sequence[str]) -> Pipeline:
    """Scores of the clips of ``variants``; ``scores_<variant>`` and ``set_scores`` come out."""
    return sum((score(variant) for variant in variants), as_sets(variants))


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


def as_sets(variants: Sequence[str]) -> Pipeline:
    """The nodes that look at all clips of a variant at once: one for all variants, so that the model is loaded once."""
    records = {f"records_{variant}": f"records_{variant}" for variant in variants}
    clips = {f"clips_{variant}": f"clips_{variant}" for variant in variants}
    settings = {"models": "params:models", "scoring": "params:scoring"}
    nodes = [
        Node(
            score_sets,
            inputs={
                "samples": "checked_samples",
                "references": "references",
                "completed": "completed_set_scores",
                **settings,
                **clips,
                **records,
            },
            outputs=["set_score_records", "failures_set_scoring"],
            name="score_sets",
            tags="gpu",
        ),
        Node(
            tabulate_sets,
            inputs={
                "samples": "checked_samples",
                "set_records": "set_score_records",
                **settings,
                **records,
            },
            outputs=["set_scores", "set_scores_csv"],
            name="tabulate_sets",
        ),
    ]
    return Pipeline(nodes, namespace=STAGE, prefix_datasets_with_namespace=False)

"""Wires ``evaluate``: check the samples, take clips made elsewhere, then scoring, selection and report as they are."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline, pipeline

from tpige_kedro.pipelines import moe_selection, reporting, scoring
from tpige_kedro.pipelines.evaluate.nodes import check_evaluated_samples
from tpige_kedro.pipelines.generation_variants.imports import clip_importer
from tpige_kedro.pipelines.generation_variants.nodes import list_variants


def create_pipeline(variants: Sequence[str]) -> Pipeline:
    """Evaluation of the clips of ``variants``."""
    stages = [stage.create_pipeline(variants) for stage in (scoring, moe_selection, reporting)]
    same = {"checked_samples": "evaluated_samples", "enhanced_prompts": "no_enhanced_prompts"}
    compare = pipeline(sum(stages, Pipeline([])), inputs=same)
    return take_in() + sum((import_clips(v) for v in variants), Pipeline([])) + compare


def take_in() -> Pipeline:
    """The samples and the variants of this run."""
    nodes = [
        Node(
            check_evaluated_samples,
            inputs=["samples", "references", "params:consent"],
            outputs=["evaluated_samples", "sample_issues", "no_enhanced_prompts"],
            name="check_samples",
        ),
        Node(
            list_variants,
            inputs=["params:variants", "params:models"],
            outputs="variant_status",
            name="list_variants",
        ),
    ]
    return Pipeline(nodes, namespace="evaluate", prefix_datasets_with_namespace=False)


def import_clips(variant: str) -> Pipeline:
    """The node of one variant."""
    node = Node(
        clip_importer(variant),
        inputs={  # in the order of the function's arguments: Kedro finds their types so
            "samples": "evaluated_samples",
            "completed": "completed_clips",
            "variant": f"params:variants.{variant}",
            "models": "params:models",
        },
        outputs=[f"clips_{variant}", f"records_{variant}", f"failures_generation_{variant}"],
        name="import",
        tags=[variant],
    )
    return Pipeline(
        [node], namespace=f"imported_clips.{variant}", prefix_datasets_with_namespace=False
    )

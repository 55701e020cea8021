"""Wires the variants: one box each, the same node with other options."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.generation_variants.nodes import clip_generator, list_variants

STAGE = "generation_variants"


def create_pipeline(variants: Sequence[str]) -> Pipeline:
    """Generation by ``variants``; ``clips_<variant>`` and ``records_<variant>`` come out."""
    status = Node(
        list_variants,
        inputs=["params:variants", "params:models"],
        outputs="variant_status",
        name="list_variants",
        namespace=STAGE,
    )
    return sum((generate(variant) for variant in variants), Pipeline([status]))


def generate(variant: str) -> Pipeline:
    """The node of one variant."""
    node = Node(
        clip_generator(variant),
        inputs={  # in the order of the function's arguments: Kedro finds their types so
            "samples": "checked_samples",
            "prompts": "enhanced_prompts",
            "references": "references",
            "enhanced_references": "enhanced_references",
            "enhanced_reference_records": "enhanced_reference_records",
            "completed": "completed_clips",
            "variant": f"params:variants.{variant}",
            "models": "params:models",
            "seed": "params:seed",
            "provenance": "params:provenance",
        },
        outputs=[f"clips_{variant}", f"records_{variant}", f"failures_generation_{variant}"],
        name="generate",
        tags=[variant, "gpu"],
    )
    return Pipeline([node], namespace=f"{STAGE}.{variant}", prefix_datasets_with_namespace=False)

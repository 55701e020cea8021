"""Wires the report: strips from the clips, sheets from the strips, one page from everything."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.reporting.nodes import (
    collect_failures,
    draw_means,
    tabulate_paper,
    tabulate_variants,
    write_report,
    write_sample_pages,
)
from tpige_kedro.pipelines.reporting.sheet_nodes import (
    cut_strips,
    draw_sample_sheets,
    draw_variant_sheets,
)

STAGES = (
    "prompt_enhancement",
    "prompt_rewriting",
    "reference_prompts",
    "reference_enhancement",
    "set_scoring",
    "strips",
)
VARIANT_STAGES = ("generation", "scoring")
SETTINGS = ("seed", "models", "variants", "moe", "reporting")

SHOWN = (  # what a page is made of, for each sample
    "checked_samples",
    "enhanced_prompts",
    "references",
    "enhanced_references",
    "enhanced_reference_records",
    "strips",
    "all_scores",
    "selection",
)


def same_names(*names: str) -> dict[str, str]:
    """Inputs of a node whose arguments are called like the datasets, in the order of the arguments."""
    return {name: f"params:{name}" if name in SETTINGS else name for name in names}


def failure_datasets(variants: Sequence[str]) -> list[str]:
    """The names of all datasets that stages leave failures in."""
    stages = [*STAGES, *(f"{stage}_{variant}" for stage in VARIANT_STAGES for variant in variants)]
    return [f"failures_{stage}" for stage in stages]


def create_pipeline(variants: Sequence[str]) -> Pipeline:
    """The report on ``variants``."""
    nodes = [
        Node(
            cut_strips,
            inputs=same_names(
                "all_scores",
                "completed_clips",
                "completed_strips",
                "reporting",
                *(f"clips_{variant}" for variant in variants),
            ),
            outputs=["strips", "strip_records", "failures_strips"],
        ),
        Node(
            draw_sample_sheets,
            inputs=same_names(
                "checked_samples",
                "references",
                "enhanced_references",
                "enhanced_reference_records",
                "strips",
                "all_scores",
                "selection",
                "variants",
                "reporting",
            ),
            outputs="contact_sheets",
        ),
        Node(
            draw_variant_sheets,
            inputs=same_names(
                "checked_samples",
                "references",
                "strips",
                "all_scores",
                "selection",
                "variants",
                "reporting",
            ),
            outputs="variant_sheets",
        ),
        Node(
            tabulate_variants,
            inputs=same_names("variant_summary", "variant_status", "variants", "models"),
            outputs="variant_table_csv",
        ),
        Node(
            tabulate_paper,
            inputs=same_names("variant_summary"),
            outputs="paper_tables_csv",
        ),
        Node(
            draw_means,
            inputs=same_names("variant_summary", "variant_status", "variants", "models", "moe"),
            outputs="variant_means",
        ),
        Node(
            collect_failures,
            inputs=same_names("sample_issues", *failure_datasets(variants)),
            outputs="all_failures",
        ),
        Node(
            write_sample_pages,
            inputs=same_names(
                *SHOWN,
                "variants",
                "reporting",
            ),
            outputs="sample_pages",
        ),
        Node(
            write_report,
            inputs=same_names(
                *SHOWN,
                "variant_summary",
                "variant_differences",
                "win_shares",
                "variant_status",
                "all_failures",
                "variants",
                "models",
                "moe",
                "reporting",
                "seed",
            ),
            outputs="report",
        ),
    ]
    return Pipeline(nodes, namespace="reporting", prefix_datasets_with_namespace=False)

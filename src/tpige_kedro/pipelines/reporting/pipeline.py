"""Wires the report: strips from the clips, sheets and pages from the strips, one report from the pages and tables."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.reporting.failures import (
    collect_failures,
    collect_input_failures,
    collect_sample_issues,
)
from tpige_kedro.pipelines.reporting.item_nodes import (
    cut_strips,
    draw_sample_sheets,
    draw_variant_sheets,
    write_sample_pages,
)
from tpige_kedro.pipelines.reporting.nodes import (
    draw_means,
    tabulate_paper,
    tabulate_variants,
    write_headline,
    write_notes,
    write_report,
    write_results,
)
from tpige_kedro.pipelines.reporting.overview import overview_samples

SHOWN = [  # what is shown of each sample
    "sample_overview",
    "references",
    "enhanced_references",
    "strips",
    "all_scores",
    "params:reporting",
]


def create_pipeline(enhanced: bool = True) -> Pipeline:
    """The report of a run; without ``enhanced``, of one that only evaluates clips."""
    nodes = [*_tables(enhanced), *_pictures(), *_report()]
    return Pipeline(nodes, namespace="reporting", prefix_datasets_with_namespace=False)


def _tables(enhanced: bool) -> list[Node]:
    input_failures = Node(
        collect_input_failures,
        inputs=[
            "sample_issues",
            "face_attributes",
            "rewritten_prompts",
            "written_reference_prompts",
            "enhanced_references",
        ],
        outputs="input_failures",
    )
    sample_issues = Node(collect_sample_issues, inputs="sample_issues", outputs="input_failures")
    return [
        input_failures if enhanced else sample_issues,
        Node(
            collect_failures,
            inputs=["input_failures", "clips", "clip_scores", "set_score_items", "strips"],
            outputs="all_failures",
        ),
        Node(
            overview_samples,
            inputs=["checked_samples", "enhanced_prompts", "enhanced_references", "selection"],
            outputs="sample_overview",
        ),
        Node(
            tabulate_variants,
            inputs=["variant_summary", "variant_status"],
            outputs="variant_table",
        ),
        Node(tabulate_paper, inputs="variant_summary", outputs="paper_tables"),
    ]


def _pictures() -> list[Node]:
    return [
        Node(
            cut_strips,
            inputs=["sample_overview", "all_scores", "clips", "params:reporting"],
            outputs="strips",
        ),
        Node(draw_sample_sheets, inputs=SHOWN, outputs="contact_sheets"),
        Node(
            draw_variant_sheets,
            inputs=["sample_overview", "references", "strips", "all_scores", "params:reporting"],
            outputs="variant_sheets",
        ),
        Node(write_sample_pages, inputs=SHOWN, outputs="sample_pages"),
        Node(
            draw_means,
            inputs=["variant_summary", "variant_status", "params:moe"],
            outputs="variant_means",
        ),
    ]


def _report() -> list[Node]:
    return [
        Node(
            write_headline,
            inputs=[
                "variant_summary",
                "all_scores",
                "sample_overview",
                "all_failures",
                "params:seed",
            ],
            outputs="report_headline",
        ),
        Node(
            write_results,
            inputs=[
                "variant_summary",
                "variant_differences",
                "win_shares",
                "variant_status",
                "params:moe",
                "params:reporting",
            ],
            outputs="report_results",
        ),
        Node(
            write_notes,
            inputs=[
                "enhanced_prompts",
                "all_failures",
                "variant_summary",
                "params:models",
                "params:moe",
            ],
            outputs="report_notes",
        ),
        Node(
            write_report,
            inputs=[
                "report_headline",
                "report_results",
                "report_notes",
                "sample_overview",
                "sample_pages",
                "params:reporting",
            ],
            outputs="report",
        ),
    ]

"""Wires the report: strips from the clips, sheets and pages from the strips, one report from the pages and tables."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.pipelines.reporting.chosen import choose_clips
from tpige_kedro.pipelines.reporting.clip_facts import gather_clip_facts
from tpige_kedro.pipelines.reporting.comparison import compare_in_print, declare_scores
from tpige_kedro.pipelines.reporting.failures import (
    collect_clip_failures,
    collect_failures,
    collect_input_failures,
    collect_sample_issues,
)
from tpige_kedro.pipelines.reporting.gallery import write_gallery
from tpige_kedro.pipelines.reporting.item_nodes import (
    cut_strips,
    draw_sample_sheets,
    draw_variant_sheets,
    write_sample_pages,
)
from tpige_kedro.pipelines.reporting.nodes import (
    draw_means,
    join_pages,
    join_printed,
    join_results,
    part_statistics,
    print_paper,
    print_variants,
    write_headline,
    write_notes,
    write_report,
    write_results,
)
from tpige_kedro.pipelines.reporting.overview import overview_samples
from tpige_kedro.pipelines.reporting.study import add_user_study, current_study, write_study
from tpige_kedro.pipelines.reporting.sweep_nodes import draw_sweeps

# namespaces of the two nodes that look at what inputs and clips are made of
INPUT_FAILURES, CLIP_FAILURES = "failed_inputs", "failed_clips"
SHOWN = [  # what is shown of each sample
    "sample_overview",
    "references",
    "enhanced_references",
    "strips",
    "declared_scores",
    "params:reporting",
]


def create_pipeline(enhanced: bool = True) -> Pipeline:
    """The report of a run; without ``enhanced``, of one that only evaluates clips."""
    parts = {
        INPUT_FAILURES: [_input_failures() if enhanced else _sample_issues()],
        CLIP_FAILURES: [_clip_failures()],
        "reporting": [*_tables(), *_pictures(), *_gallery(), *_report()],
    }
    boxes = [
        Pipeline(nodes, namespace=name, prefix_datasets_with_namespace=False)
        for name, nodes in parts.items()
    ]
    return sum(boxes, Pipeline([]))


def _input_failures() -> Node:
    return Node(
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


def _sample_issues() -> Node:
    return Node(collect_sample_issues, inputs="sample_issues", outputs="input_failures")


def _clip_failures() -> Node:
    return Node(
        collect_clip_failures,
        inputs=["input_failures", "clips", "clip_scores", "set_score_items"],
        outputs="clip_failures",
    )


def _tables() -> list[Node]:
    return [
        Node(
            collect_failures,
            inputs=["clip_failures", "strips", "chosen_clips"],
            outputs="all_failures",
        ),
        Node(
            overview_samples,
            inputs=["checked_samples", "enhanced_prompts", "enhanced_references", "selection"],
            outputs="sample_overview",
        ),
        Node(
            declare_scores,
            inputs=["all_scores", "params:models", "params:scoring"],
            outputs="declared_scores",
        ),
        Node(
            part_statistics,
            inputs="statistics",
            outputs=["variant_summary", "variant_differences", "win_shares"],
        ),
        Node(
            compare_in_print,
            inputs=["variant_summary", "variant_status", "declared_scores"],
            outputs="variant_comparison",
        ),
        Node(
            print_variants,
            inputs=["variant_comparison", "variant_differences", "params:moe"],
            outputs="variant_table",
        ),
        Node(
            current_study,
            inputs=["study_results", "clips", "declared_scores"],
            outputs="study_today",
        ),
        Node(add_user_study, inputs=["variant_summary", "study_today"], outputs="paper_summary"),
        Node(
            print_paper,
            inputs=["paper_summary", "variant_comparison", "params:moe", "params:reporting"],
            outputs="paper_tables",
        ),
        Node(join_printed, inputs=["variant_table", "paper_tables"], outputs="printed_tables"),
        Node(
            choose_clips,
            inputs=["sample_overview", "declared_scores", "variant_status", "clips"],
            outputs="chosen_clips",
        ),
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
            inputs=[
                "sample_overview",
                "references",
                "strips",
                "declared_scores",
                "params:reporting",
            ],
            outputs="variant_sheets",
        ),
        Node(write_sample_pages, inputs=SHOWN, outputs="sample_pages"),
        Node(
            draw_means,
            inputs=["variant_comparison", "params:moe"],
            outputs="means_plot",
        ),
        Node(
            draw_sweeps,
            inputs=["declared_scores", "params:variants", "params:moe", "params:seed"],
            outputs="sweep_curves",
        ),
    ]


def _gallery() -> list[Node]:
    return [
        Node(gather_clip_facts, inputs=["sample_overview", "clips"], outputs="clip_facts"),
        Node(
            write_gallery,
            inputs=[
                "sample_overview",
                "declared_scores",
                "clip_facts",
                "variant_status",
                "params:moe",
                "params:reporting",
            ],
            outputs="gallery_pages",
        ),
    ]


def _report() -> list[Node]:
    return [
        Node(
            write_headline,
            inputs=[
                "variant_comparison",
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
                "variant_comparison",
                "paper_summary",
                "variant_differences",
                "win_shares",
                "params:moe",
                "params:reporting",
            ],
            outputs="report_variants",
        ),
        Node(write_study, inputs=["study_today", "params:moe"], outputs="report_study"),
        Node(
            join_results,
            inputs=["sweep_curves", "report_variants", "report_study"],
            outputs="report_results",
        ),
        Node(
            write_notes,
            inputs=[
                "enhanced_prompts",
                "all_failures",
                "variant_comparison",
                "clip_facts",
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
            outputs="report_page",
        ),
        Node(join_pages, inputs=["report_page", "gallery_pages", "means_plot"], outputs="report"),
    ]

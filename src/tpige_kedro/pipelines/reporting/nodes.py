"""The nodes that write tables, the plot, and the report."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.datasets.printed_table import PrintedTable
from tpige_kedro.metrics.columns import MOE, metric_columns
from tpige_kedro.pipelines.moe_selection.statistics import DIFFERENCES, SUMMARY, WINS
from tpige_kedro.pipelines.reporting.clip_facts import making_of
from tpige_kedro.pipelines.reporting.comparison import Comparison
from tpige_kedro.pipelines.reporting.latex import as_latex
from tpige_kedro.pipelines.reporting.markdown import as_markdown
from tpige_kedro.pipelines.reporting.numbers import percents
from tpige_kedro.pipelines.reporting.page import render, render_means
from tpige_kedro.pipelines.reporting.paper_tables import long_table, paper_tables
from tpige_kedro.pipelines.reporting.plot import interval_panels
from tpige_kedro.pipelines.reporting.print_differences import differences_in_print
from tpige_kedro.pipelines.reporting.print_form import paper_in_print, variants_in_print
from tpige_kedro.pipelines.reporting.tables import (
    difference_rows,
    published,
    unpublished,
    wide_table,
)
from tpige_kedro.prompts.counts import count_checks, count_sources
from tpige_kedro.schemas import ModelSpec, Moe, Reporting


def part_statistics(
    statistics: Mapping[str, pd.DataFrame],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The summary of the variants, their differences, and who won how often, for the nodes that take one of them."""
    return statistics[SUMMARY], statistics[DIFFERENCES], statistics[WINS]


def tabulate_variants(variant_comparison: Comparison) -> pd.DataFrame:
    """The report's table of variants x metrics in full precision; skipped variants say why."""
    return wide_table(variant_comparison.rows, variant_comparison.metrics)


def tabulate_paper(paper_summary: pd.DataFrame) -> pd.DataFrame:
    """Tables 1-4 in the paper's layout: published rows and this run's."""
    return long_table(paper_summary)


def print_variants(
    variant_comparison: Comparison, variant_differences: pd.DataFrame, moe: Moe
) -> PrintedTable:
    """The report's table of variants x metrics in full precision; in print also their differences, and further metrics apart."""
    shown, confidence = variant_comparison, moe.confidence
    main, further = published(shown.metrics), unpublished(shown.metrics)
    rows = difference_rows(variant_differences, shown.declared)
    printed = {
        "": variants_in_print("Variants", shown, main, confidence),
        "_further": variants_in_print("Variants, further metrics", shown, further, confidence),
        "_differences": differences_in_print("Differences", rows, main, confidence),
    }
    texts = {f"{ending}.tex": as_latex(table) for ending, table in printed.items()}
    texts[".md"] = as_markdown([t for name, t in printed.items() if not name or t.metrics])
    return PrintedTable(tabulate_variants(shown), texts)


def print_paper(
    paper_summary: pd.DataFrame, variant_comparison: Comparison, moe: Moe, reporting: Reporting
) -> PrintedTable:
    """Tables 1-4 in the paper's layout, in full precision and in print."""
    beside = reporting.published == "beside"
    printed = {
        table.number: paper_in_print(table, variant_comparison, beside, moe.confidence)
        for table in paper_tables(paper_summary)
    }
    texts = {f"_{number}.tex": as_latex(table) for number, table in printed.items()}
    texts[".md"] = as_markdown(list(printed.values()))
    return PrintedTable(tabulate_paper(paper_summary), texts)


def join_printed(
    variant_table: PrintedTable, paper_tables: PrintedTable
) -> dict[str, PrintedTable]:
    """The tables that have printed forms, by the names of their files."""
    return {"variant_table": variant_table, "paper_tables": paper_tables}


def draw_means(variant_comparison: Comparison, moe: Moe) -> str:
    """The report's plot of means and intervals as one SVG picture."""
    shown = variant_comparison
    return render_means(interval_panels(shown.metrics, shown.rows, moe.baseline))


def write_headline(
    variant_comparison: Comparison,
    all_scores: pd.DataFrame,
    sample_overview: pd.DataFrame,
    all_failures: pd.DataFrame,
    seed: int,
) -> str:
    """The report's top: the best variant, what selection reaches, how many samples, clips and failures."""
    cells = {row.name: row.cells for row in variant_comparison.rows}
    overall = {name: found["overall"] for name, found in cells.items() if "overall" in found}
    scored = all_scores[metric_columns(all_scores)].notna().any(axis=1)
    return render(
        "headline.html",
        best=next(((name, cell) for name, cell in overall.items() if cell.best), None),
        any_overall=any(math.isfinite(cell.mean) for cell in overall.values()),
        selection=overall.get(MOE),
        sample_count=len(sample_overview),
        clip_count=int(scored.sum()),
        failure_count=len(all_failures),
        seed=seed,
    )


def write_results(
    variant_comparison: Comparison,
    paper_summary: pd.DataFrame,
    variant_differences: pd.DataFrame,
    win_shares: pd.DataFrame,
    moe: Moe,
    reporting: Reporting,
) -> str:
    """The report's sections on the variants: means, differences, selection, and the paper's tables."""
    metrics, rows = variant_comparison.metrics, variant_comparison.rows
    return render(
        "results.html",
        comparison=variant_comparison,
        rows=rows,
        published=published(metrics),
        unpublished=unpublished(metrics),
        panels=interval_panels(metrics, rows, moe.baseline),
        differences=difference_rows(variant_differences, variant_comparison.declared),
        pairs=int(variant_differences["n"].max()) if len(variant_differences) else 0,
        wins=win_shares.assign(percent=percents(win_shares["share"].tolist())).to_dict("records"),
        paper=paper_tables(paper_summary),
        moe=moe,
        beside=reporting.published == "beside",
    )


def join_results(sweep_curves: Items, report_variants: str, report_study: str) -> str:
    """The curves of sweeps, the sections on the variants, and the study; sweeps and study only if there are any."""
    sweeps = render("sweeps.html", sweeps=sweep_curves.loaded())
    return sweeps + report_variants + report_study


def write_notes(
    enhanced_prompts: pd.DataFrame,
    all_failures: pd.DataFrame,
    variant_comparison: Comparison,
    clip_facts: Mapping[str, Item],
    models: dict[str, ModelSpec],
    moe: Moe,
) -> str:
    """The report's last sections: checks on prompts, how clips were made, failures, models and licences, definitions."""
    return render(
        "notes.html",
        checks=count_checks(enhanced_prompts).to_dict("records"),
        sources=count_sources(enhanced_prompts),
        making=[making_of(variant, item.load()) for variant, item in clip_facts.items()],
        failures=all_failures.to_dict("records"),
        models=models,
        metrics=variant_comparison.metrics,
        moe=moe,
    )


def write_report(
    report_headline: str,
    report_results: str,
    report_notes: str,
    sample_overview: pd.DataFrame,
    sample_pages: Items,
    reporting: Reporting,
) -> str:
    """The report: one HTML page that opens from disk; all samples are in the gallery beside it."""
    ids = list(sample_overview["sample_id"])
    return render(
        "report.html",
        title=reporting.title,
        setting=reporting.setting,
        headline=report_headline,
        results=report_results,
        notes=report_notes,
        count=len(ids),
        unwritten=_why_unwritten([key for key in ids if key not in sample_pages], sample_pages),
    )


def join_pages(report_page: str, gallery_pages: dict[str, str], means_plot: str) -> dict[str, str]:
    """What lies side by side, by the names of the files."""
    return {"report.html": report_page, **gallery_pages, "variant_means.svg": means_plot}


def _why_unwritten(ids: list[str], sample_pages: Items) -> Mapping[str, str]:
    """The samples without a page, and why."""
    failed = sample_pages.failures
    return {key: failed[key].message if key in failed else "see the log of the run" for key in ids}

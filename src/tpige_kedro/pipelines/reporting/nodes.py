"""The nodes that write tables, the plot, and the report."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tpige_kedro.datasets.items import Items
from tpige_kedro.metrics.columns import MOE, metric_columns
from tpige_kedro.pipelines.reporting.page import article_of, render, render_means
from tpige_kedro.pipelines.reporting.paper_tables import long_table, paper_tables
from tpige_kedro.pipelines.reporting.plot import interval_panels
from tpige_kedro.pipelines.reporting.tables import (
    cells_by_variant,
    difference_rows,
    metrics_in,
    published,
    unpublished,
    variant_rows,
    wide_table,
)
from tpige_kedro.prompts.counts import count_checks, count_sources
from tpige_kedro.schemas import ModelSpec, Moe, Reporting


def tabulate_variants(variant_summary: pd.DataFrame, variant_status: pd.DataFrame) -> pd.DataFrame:
    """The report's table of variants x metrics in full precision; skipped variants say why."""
    rows = variant_rows(variant_summary, variant_status)
    return wide_table(rows, metrics_in(variant_summary))


def tabulate_paper(variant_summary: pd.DataFrame) -> pd.DataFrame:
    """Tables 1-4 in the paper's layout: published rows and this run's."""
    return long_table(variant_summary)


def draw_means(variant_summary: pd.DataFrame, variant_status: pd.DataFrame, moe: Moe) -> str:
    """The report's plot of means and intervals as one SVG picture."""
    rows = variant_rows(variant_summary, variant_status)
    return render_means(interval_panels(metrics_in(variant_summary), rows, moe.baseline))


def write_headline(
    variant_summary: pd.DataFrame,
    all_scores: pd.DataFrame,
    sample_overview: pd.DataFrame,
    all_failures: pd.DataFrame,
    seed: int,
) -> str:
    """The report's top: the best variant, what selection reaches, how many samples, clips and failures."""
    cells = cells_by_variant(variant_summary)
    overall = {name: found["overall"] for name, found in cells.items() if "overall" in found}
    scored = all_scores[metric_columns(all_scores)].notna().any(axis=1)
    return render(
        "headline.html",
        best=next(((name, cell) for name, cell in overall.items() if cell.best), None),
        selection=overall.get(MOE),
        sample_count=len(sample_overview),
        clip_count=int(scored.sum()),
        failure_count=len(all_failures),
        seed=seed,
    )


def write_results(
    variant_summary: pd.DataFrame,
    variant_differences: pd.DataFrame,
    win_shares: pd.DataFrame,
    variant_status: pd.DataFrame,
    moe: Moe,
    reporting: Reporting,
) -> str:
    """The report's sections on the variants: means, differences, selection, and the paper's tables."""
    metrics = metrics_in(variant_summary)
    rows = variant_rows(variant_summary, variant_status)
    return render(
        "results.html",
        rows=rows,
        published=published(metrics),
        unpublished=unpublished(metrics),
        panels=interval_panels(metrics, rows, moe.baseline),
        differences=difference_rows(variant_differences),
        pairs=int(variant_differences["n"].max()) if len(variant_differences) else 0,
        wins=win_shares.to_dict("records"),
        paper=paper_tables(variant_summary),
        moe=moe,
        beside=reporting.published == "beside",
    )


def write_notes(
    enhanced_prompts: pd.DataFrame,
    all_failures: pd.DataFrame,
    variant_summary: pd.DataFrame,
    models: dict[str, ModelSpec],
    moe: Moe,
) -> str:
    """The report's sections below the samples: checks on prompts, failures, models and licences, definitions."""
    return render(
        "notes.html",
        checks=count_checks(enhanced_prompts).to_dict("records"),
        sources=count_sources(enhanced_prompts),
        failures=all_failures.to_dict("records"),
        models=models,
        metrics=metrics_in(variant_summary),
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
    """The report: one HTML page that opens from disk, with the first samples inside and links to the others and to the clips."""
    ids = list(sample_overview["sample_id"])
    embedded = [key for key in ids[: reporting.embedded_samples] if key in sample_pages]
    linked = [key for key in ids[reporting.embedded_samples :] if key in sample_pages]
    return render(
        "report.html",
        title=reporting.title,
        setting=reporting.setting,
        headline=report_headline,
        results=report_results,
        notes=report_notes,
        articles=[article_of(sample_pages[key].load()) for key in embedded],
        linked={key: reporting.page_link.format(sample_id=key) for key in linked},
        unwritten=_why_unwritten([key for key in ids if key not in sample_pages], sample_pages),
    )


def _why_unwritten(ids: list[str], sample_pages: Items) -> Mapping[str, str]:
    """The samples without a page, and why."""
    failed = sample_pages.failures
    return {key: failed[key].message if key in failed else "see the log of the run" for key in ids}

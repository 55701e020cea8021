"""The nodes that write: the table of variants, the table of failures, and the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from tpige_kedro.metrics.columns import is_scored
from tpige_kedro.pipelines.reporting.page import Page, render, render_means
from tpige_kedro.pipelines.reporting.paper_tables import long_table, paper_tables
from tpige_kedro.pipelines.reporting.plot import interval_panels
from tpige_kedro.pipelines.reporting.samples import (
    Pictures,
    SampleView,
    absent_clips,
    clip_row,
    load_all,
    reference_pictures,
    rows_of,
    sample_view,
)
from tpige_kedro.pipelines.reporting.tables import (
    clip_metrics,
    difference_rows,
    metrics_in,
    variant_rows,
    wide_table,
)
from tpige_kedro.prompts.counts import count_checks, count_sources
from tpige_kedro.schemas import ModelSpec, Moe, Reporting, Variant

Lazy = Mapping[str, Callable[[], Any]]  # as Kedro loads partitions: one load function per key


def tabulate_variants(
    variant_summary: pd.DataFrame,
    variant_status: pd.DataFrame,
    variants: dict[str, Variant],
    models: dict[str, ModelSpec],
) -> pd.DataFrame:
    """The report's table of variants x metrics in full precision, with the skipped ones and why."""
    rows = variant_rows(variant_summary, variants, models, variant_status)
    return wide_table(rows, metrics_in(variant_summary))


def tabulate_paper(variant_summary: pd.DataFrame) -> pd.DataFrame:
    """Tables 1-4 in the paper's layout: published rows and this run's."""
    return long_table(variant_summary)


def draw_means(
    variant_summary: pd.DataFrame,
    variant_status: pd.DataFrame,
    variants: dict[str, Variant],
    models: dict[str, ModelSpec],
    moe: Moe,
) -> str:
    """The report's plot of means and intervals as one SVG picture."""
    rows = variant_rows(variant_summary, variants, models, variant_status)
    return render_means(interval_panels(metrics_in(variant_summary), rows, moe.baseline))


def collect_failures(*, sample_issues: pd.DataFrame, **failures: Lazy) -> pd.DataFrame:
    """One table of everything that failed: ``stage, item, problem``; samples refused at the start come first."""
    rows = [("samples", row.sample_id, row.problem) for row in sample_issues.itertuples()]
    for partitions in failures.values():
        found = load_all(partitions).values()
        rows += [(failure["stage"], failure["key"], failure["message"]) for failure in found]
    # a clip that cannot be opened fails all its scorers alike
    return pd.DataFrame(list(dict.fromkeys(rows)), columns=["stage", "item", "problem"])


def view_samples(
    *,
    checked_samples: pd.DataFrame,
    enhanced_prompts: pd.DataFrame,
    references: Pictures,
    enhanced_references: Pictures,
    enhanced_reference_records: Lazy,
    strips: Pictures,
    all_scores: pd.DataFrame,
    selection: pd.DataFrame,
    variants: Mapping[str, Variant],
    reporting: Reporting,
) -> Iterator[SampleView]:
    """What the page shows of the samples that it shows itself, the first ones."""
    prompts = enhanced_prompts.set_index("sample_id")["enhanced_prompt"].to_dict()
    choices = {row["sample_id"]: row for row in selection.to_dict("records")}
    records = load_all(enhanced_reference_records)
    metrics = clip_metrics(all_scores)
    for sample in checked_samples.head(reporting.embedded_samples).itertuples():
        key = str(sample.sample_id)
        choice = choices.get(key, {})
        rows = rows_of(all_scores, key, list(variants))
        yield sample_view(
            sample,
            enhanced_prompt=prompts.get(key, ""),
            pictures=reference_pictures(sample, references, enhanced_references, records),
            clips=[
                clip_row(row, strips, choice.get("variant"), metrics, reporting)
                for row in rows
                if is_scored(row, metrics)
            ],
            choice=choice,
            absent=absent_clips(rows, metrics),
        )


def write_report(
    *,
    checked_samples: pd.DataFrame,
    enhanced_prompts: pd.DataFrame,
    references: Pictures,
    enhanced_references: Pictures,
    enhanced_reference_records: Lazy,
    strips: Pictures,
    all_scores: pd.DataFrame,
    selection: pd.DataFrame,
    variant_summary: pd.DataFrame,
    variant_differences: pd.DataFrame,
    win_shares: pd.DataFrame,
    variant_status: pd.DataFrame,
    all_failures: pd.DataFrame,
    variants: dict[str, Variant],
    models: dict[str, ModelSpec],
    moe: Moe,
    reporting: Reporting,
    seed: int,
) -> str:
    """The report: one HTML page that opens from disk, with all pictures inside and links to the clips."""
    samples = view_samples(
        checked_samples=checked_samples,
        enhanced_prompts=enhanced_prompts,
        references=references,
        enhanced_references=enhanced_references,
        enhanced_reference_records=enhanced_reference_records,
        strips=strips,
        all_scores=all_scores,
        selection=selection,
        variants=variants,
        reporting=reporting,
    )
    metrics = metrics_in(variant_summary)
    of_clips = clip_metrics(all_scores)
    rows = variant_rows(variant_summary, variants, models, variant_status)
    further = checked_samples["sample_id"].iloc[reporting.embedded_samples :]
    page = Page(
        reporting=reporting,
        seed=seed,
        moe=moe,
        models=models,
        metrics=metrics,
        rows=rows,
        panels=interval_panels(metrics, rows, moe.baseline),
        differences=difference_rows(variant_differences),
        paper=paper_tables(variant_summary),
        wins=win_shares.to_dict("records"),
        samples=list(samples),
        further=[(s, reporting.sheet_link.format(sample_id=s)) for s in further],
        sample_count=len(checked_samples),
        clip_count=sum(is_scored(row, of_clips) for _, row in all_scores.iterrows()),
        failures=all_failures.to_dict("records"),
        checks=count_checks(enhanced_prompts).to_dict("records"),
        sources=count_sources(enhanced_prompts),
    )
    return render(page)

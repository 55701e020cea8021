"""What MLflow is told about the results: the tables' own numbers, nothing computed anew.

Its chart page makes a section of what stands before a slash, in the order of the alphabet: ``mean``, ``selection``,
``uncertainty``, ``work``.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import pandas as pd

from tpige_kedro.execution.tally import Tally, tallies
from tpige_kedro.hooks.failures import Failure, summary_table
from tpige_kedro.hooks.mlflow_references import log_references
from tpige_kedro.hooks.mlflow_runs import MlflowSettings, RunLog
from tpige_kedro.prompts.counts import count_checks, count_sources
from tpige_kedro.vision_language.usage import Usage, usage_totals

MAX_METRICS = 1000  # in one request
WINS = {"wins": "wins", "win_share": "share"}  # as MLflow and as the table call them


def log_parent(
    log: RunLog, saved: set[str], failures: list[Failure], catalog: Any, settings: MlflowSettings
) -> None:
    """Counts per stage, the selection and its means, the tables, the plot, failures, contact sheets and the report."""
    log.log_metrics(log.parent, stage_counts(tallies()))
    log_prompts(log, saved, catalog)
    log.tag(log.parent, "tpige.work", work_in_words(tallies()))
    log.tag(log.parent, "mlflow.note.content", f"```\n{summary_table()}\n```")
    if failures:
        log.log_table(log.parent, pd.DataFrame([asdict(f) for f in failures]), "failures.json")
    if "variant_summary" in saved:
        summary = catalog.load("variant_summary")
        log.log_table(log.parent, summary, "variant_summary.json")
        for row in ("moe", "moe_held_out"):
            log.log_metrics(log.parent, interval_metrics(summary, row, prefix=f"{row}."))
    for name in (
        "prompt_checks",
        "selection",
        "win_shares",
        "set_scores",
        "variant_status",
        "variant_differences",
    ):
        if name in saved and len(table := catalog.load(name)):
            log.log_table(log.parent, table, f"{name}.json")
    if "paper_tables_csv" in saved:
        log.log_table(log.parent, catalog.load("paper_tables_csv"), "paper_tables.json")
    if "variant_means" in saved:
        log.client.log_text(log.parent, catalog.load("variant_means"), "variant_means.svg")
    if "enhanced_reference_records" in saved:
        log_references(log, catalog)
    if "contact_sheets" in saved:
        for key, load in list(catalog.load("contact_sheets").items())[: settings.sheets_per_run]:
            log.log_picture(log.parent, load(), f"contact_sheets/{key}.png")
    if "mini_training_log" in saved:
        log_training(log, catalog.load("mini_training_log"))
    if "report" in saved:
        log.client.log_text(log.parent, catalog.load("report"), "report.html")


def log_prompts(log: RunLog, saved: set[str], catalog: Any) -> None:
    """What the language models cost in this run, and what became of the prompts."""
    log.log_metrics(log.parent, language_model_metrics(usage_totals()))
    if "enhanced_prompts" in saved:
        log.log_metrics(log.parent, prompt_metrics(catalog.load("enhanced_prompts")))


def log_variant(
    log: RunLog, name: str, saved: set[str], catalog: Any, settings: MlflowSettings
) -> None:
    """Mean metrics with intervals, win share, counts, the per-sample table, the contact sheet, and clips."""
    run = log.children[name]
    log.log_metrics(run, stage_counts([t for t in tallies() if t.label.endswith(f".{name}")]))
    if "variant_summary" in saved:
        log.log_metrics(run, interval_metrics(catalog.load("variant_summary"), name))
    if "win_shares" in saved:
        log.log_metrics(run, win_metrics(catalog.load("win_shares"), name))
    if f"scores_{name}" in saved and len(scores := catalog.load(f"scores_{name}")):
        log.log_table(run, scores, "scores.json")
    if "variant_sheets" in saved and name in (sheets := catalog.load("variant_sheets")):
        log.log_picture(run, sheets[name](), "contact_sheet.png")
    if f"records_{name}" in saved:
        clips = catalog.get(f"clips_{name}")
        for key in sorted(catalog.load(f"records_{name}"))[: settings.clips_per_variant]:
            log.log_file(run, clips.path_of(key), "clips")


def log_training(log: RunLog, table: pd.DataFrame) -> None:
    """The training log as metrics ``<stage>.<metric>`` with steps; their times tell how long each stage had been running."""
    from mlflow.entities import Metric

    begin = time.time() - table["seconds"].max()
    metrics = [
        Metric(
            key=f"{row['stage']}.{row['metric']}",
            value=row["value"],
            timestamp=int(1000 * (begin + row["seconds"])),
            step=row["step"],
        )
        for row in table.to_dict("records")
    ]
    for start in range(0, len(metrics), MAX_METRICS):
        log.client.log_batch(log.parent, metrics=metrics[start : start + MAX_METRICS])


def interval_metrics(summary: pd.DataFrame, variant: str, prefix: str = "") -> dict[str, float]:
    """``mean/<metric>`` and ``uncertainty/<metric>.low``, ``.high`` and ``.n`` of one variant, as the summary has them."""
    rows = summary[summary["variant"] == variant].to_dict("records")
    means = {f"mean/{prefix}{row['metric']}": row["mean"] for row in rows}
    return means | {
        f"uncertainty/{prefix}{row['metric']}.{part}": row[part]
        for row in rows
        for part in ("low", "high", "n")
    }


def win_metrics(win_shares: pd.DataFrame, variant: str) -> dict[str, float]:
    """How often the selection chose the variant: ``selection/wins`` and ``selection/win_share``; nothing if it takes no part."""
    rows = win_shares[win_shares["variant"] == variant].to_dict("records")
    return {f"selection/{name}": row[of] for row in rows for name, of in WINS.items()}


def stage_counts(found: list[Tally]) -> dict[str, float]:
    """``work/<stage>.total``, ``.done``, ``.skipped`` (kept from earlier runs) and ``.failed``, variants added up."""
    counts: dict[str, float] = {}
    for tally in found:
        stage = tally.label.partition(".")[0]
        parts = {
            "total": tally.total,
            "done": tally.done,
            "skipped": tally.reused,
            "failed": len(tally.failures),
        }
        for part, count in parts.items():
            key = f"work/{stage}.{part}"
            counts[key] = counts.get(key, 0) + count
    return counts


def prompt_metrics(enhanced_prompts: pd.DataFrame) -> dict[str, float]:
    """``prompts.<source>``: how many ended so; ``prompt_checks.<check>``: how often each check fired."""
    checks = count_checks(enhanced_prompts)
    fired = dict(zip(checks["check"], checks["failures"], strict=True))
    return {
        **{f"prompts.{source}": count for source, count in count_sources(enhanced_prompts).items()},
        **{f"prompt_checks.{check}": count for check, count in fired.items()},
    }


def language_model_metrics(totals: dict[str, Usage]) -> dict[str, float]:
    """``language_model.<count>`` of this run (requests, answers, tokens, seconds), models added up, and the mean ``latency`` in seconds."""
    total = Usage()
    for usage in totals.values():
        total.add(usage)
    if not total.requests:
        return {}
    counts = {f"language_model.{name}": value for name, value in total.to_dict().items()}
    return {**counts, "language_model.latency": total.seconds / total.requests}


def work_in_words(found: list[Tally]) -> str:
    """What the run did, in one line."""
    done, kept = sum(t.done for t in found), sum(t.reused for t in found)
    failed = sum(len(t.failures) for t in found)
    if found and not done and not failed:
        return f"nothing to do: all {kept} items were finished before"
    return f"{done} made, {kept} kept from earlier runs, {failed} failed"

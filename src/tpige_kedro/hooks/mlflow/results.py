"""What MLflow shows of the results: the tables' own numbers, nothing is computed again.

Its chart page makes a section of what stands before a slash, in the order of the alphabet: ``mean``, ``selection``,
``uncertainty``, ``work``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
from kedro.pipeline import Pipeline

from tpige_kedro.datasets import Item, ItemFolder
from tpige_kedro.execution.tally import Tally, tallies
from tpige_kedro.hooks.failures import Failure, summary_table
from tpige_kedro.hooks.mlflow.artifacts import Artifact, file, table, text
from tpige_kedro.hooks.mlflow.references import (
    reference_artifacts,
    reference_metrics,
    reference_table,
)
from tpige_kedro.hooks.mlflow.runs import MlflowSettings, RunLog
from tpige_kedro.prompts.counts import count_checks, count_sources
from tpige_kedro.vision_language.usage import Usage, usage_totals

MAX_METRICS = 1000  # in one request
WINS = {"wins": "wins", "win_share": "share"}  # as MLflow and as the table call them


TABLES = (
    "variant_summary",
    "prompt_checks",
    "selection",
    "win_shares",
    "set_scores",
    "variant_status",
    "variant_differences",
    "paper_tables",
)
OTHERS = ("all_scores", "clips", "enhanced_prompts", "enhanced_references")
FILES = ("variant_means", "contact_sheets", "variant_sheets", "report")
TRAINING = "mini_training_log"


@dataclass(frozen=True)
class Results:
    """What a run left: the names of the datasets that it saved, and the catalog that holds them. Each is loaded once."""

    saved: frozenset[str]
    catalog: Any
    settings: MlflowSettings
    _loaded: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self.catalog.load(name)
        return self._loaded[name]

    def __contains__(self, name: str) -> bool:
        return name in self.saved

    def first(self, name: str, count: int, prefix: str = "") -> list[Item]:
        """The first items of a folder, without looking at the others."""
        folder: ItemFolder = self.catalog.get(name)
        return folder.first(count, prefix)

    def get(self, name: str) -> Any:
        """A dataset that this run saved, else None."""
        if name not in self:
            return None
        return self[name]


def shown_names(saved: set[str], pipeline: Pipeline, catalog: Any) -> frozenset[str]:
    """The datasets that a run shows: what it saved; a report alone, also what it was made of, which may not have been logged."""
    if "report" not in saved or "variant_summary" in pipeline.all_outputs():
        return frozenset(saved)
    read = pipeline.inputs() | {"prompt_checks", "set_scores"}
    return frozenset(saved | {n for n in read & {*TABLES, *OTHERS} if catalog.exists(n)})


def log_numbers(log: RunLog, results: Results) -> None:
    """Counts per stage, the selection and its means; of each variant mean metrics with intervals, win share and counts."""
    log.log_metrics(log.parent, parent_metrics(results))
    log.tag(log.parent, "tpige.work", work_in_words(tallies()))
    log.tag(log.parent, "mlflow.note.content", f"```\n{summary_table()}\n```")
    if TRAINING in results:
        log_training(log, results[TRAINING])
    for name, run in log.children.items():
        log.log_metrics(run, variant_metrics(name, results))


def parent_metrics(results: Results) -> dict[str, float]:
    """All numbers of the whole run."""
    found = {**stage_counts(tallies()), **language_model_metrics(usage_totals())}
    if "enhanced_prompts" in results:
        found |= prompt_metrics(results["enhanced_prompts"])
    if "variant_summary" in results:
        for row in ("moe", "moe_held_out"):
            found |= interval_metrics(results["variant_summary"], row, prefix=f"{row}.")
    if drawn := results.get("enhanced_references"):
        found |= reference_metrics(reference_table(drawn))
    return found


def parent_artifacts(results: Results, failures: list[Failure]) -> Iterator[Artifact]:
    """All files of the whole run: the tables, the plot, contact sheets, the report, and what failed."""
    for name in TABLES:
        if name in results and len(results[name]):
            yield table(results[name], f"{name}.json")
    if "variant_means" in results:
        yield text(results["variant_means"], "variant_means.svg")
    if drawn := results.get("enhanced_references"):
        yield from reference_artifacts(reference_table(drawn), drawn, results["references"])
    if "contact_sheets" in results:
        for item in results.first("contact_sheets", results.settings.sheets_per_run):
            yield file(item.path, item.mark, "contact_sheets")
    if "report" in results:
        yield text(results["report"], "report.html")
    if failures:
        yield table(pd.DataFrame([asdict(f) for f in failures]), "failures.json")


def variant_metrics(name: str, results: Results) -> dict[str, float]:
    """All numbers of one variant."""
    found = stage_counts([t for t in tallies() if t.label.endswith(f".{name}")])
    if "variant_summary" in results:
        found |= interval_metrics(results["variant_summary"], name)
    if "win_shares" in results:
        found |= win_metrics(results["win_shares"], name)
    return found


def variant_artifacts(name: str, results: Results) -> Iterator[Artifact]:
    """All files of one variant: the table per sample, the contact sheet, and clips."""
    if "all_scores" in results:
        scores = results["all_scores"]
        if len(mine := scores[scores["variant"] == name]):
            yield table(mine, "scores.json")
    if "variant_sheets" in results and name in results["variant_sheets"]:
        sheet = results["variant_sheets"][name]
        yield file(sheet.path, sheet.mark, name="contact_sheet.png")
    if "clips" in results:
        for item in results.first("clips", results.settings.clips_per_variant, f"{name}/"):
            yield file(item.path, item.mark, "clips")


def log_training(log: RunLog, log_table: pd.DataFrame) -> None:
    """The training log as metrics ``<stage>.<metric>`` with steps; their times tell how long each stage had been running."""
    from mlflow.entities import Metric

    begin = time.time() - log_table["seconds"].max()
    metrics = [
        Metric(
            key=f"{row['stage']}.{row['metric']}",
            value=row["value"],
            timestamp=int(1000 * (begin + row["seconds"])),
            step=row["step"],
        )
        for row in log_table.to_dict("records")
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
            "done": tally.made,
            "skipped": tally.kept,
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
    done, kept = sum(t.made for t in found), sum(t.kept for t in found)
    failed = sum(len(t.failures) for t in found)
    if found and not done and not failed:
        return f"nothing to do: all {kept} items were finished before"
    return f"{done} made, {kept} kept from earlier runs, {failed} failed"

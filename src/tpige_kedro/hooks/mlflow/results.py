"""What MLflow shows of the results: the tables' own numbers, nothing is computed again.

Numbers are metrics (see :mod:`.numbers`); intervals stand in the table ``means.json`` of each variant and in its description.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
from kedro.pipeline import Pipeline

from tpige_kedro.datasets import Item, ItemFolder
from tpige_kedro.execution.tally import paces, tallies
from tpige_kedro.hooks.failures import Failure
from tpige_kedro.hooks.mlflow.artifacts import Artifact, file, table, text
from tpige_kedro.hooks.mlflow.costs import clip_costs
from tpige_kedro.hooks.mlflow.numbers import (
    FIRST,
    language_model_metrics,
    mean_metrics,
    means_in_words,
    outcome_metrics,
    pace_metrics,
    prompt_metrics,
    stage_counts,
    study_counts,
    study_metrics,
    win_metrics,
    work_in_words,
)
from tpige_kedro.hooks.mlflow.pages import ORDER, in_order
from tpige_kedro.hooks.mlflow.references import (
    reference_artifacts,
    reference_metrics,
    reference_table,
)
from tpige_kedro.hooks.mlflow.runs import RunLog
from tpige_kedro.hooks.mlflow.settings import MlflowSettings
from tpige_kedro.hooks.outcome import Outcome
from tpige_kedro.hooks.summary import summary_table
from tpige_kedro.metrics.catalog import OVERALL
from tpige_kedro.metrics.columns import HELD_OUT, KEYS, MOE, REASON, why_missing
from tpige_kedro.metrics.declared import (
    declaration_table,
    declared_metrics,
    spec_of,
    with_declarations,
)
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.study.results import StudyResults, results_today
from tpige_kedro.vision_language.usage import usage_totals

if TYPE_CHECKING:
    from kedro.io import DataCatalog

MAX_METRICS = 1000  # in one request

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
ENTRIES = {  # of the catalog, by the tables that one entry holds with others
    **dict.fromkeys(("variant_summary", "variant_differences", "win_shares"), "statistics"),
    "paper_tables": "printed_tables",
}
STUDY = "study_results"
OTHERS = ("all_scores", "clips", "enhanced_prompts", "enhanced_references", STUDY)
FILES = ("contact_sheets", "variant_sheets", "report")
SHOWN = {ENTRIES.get(name, name) for name in (*TABLES, *OTHERS)}  # entries of the catalog
TRAINING = "mini_training_log"


@dataclass(frozen=True)
class Results:
    """What a run left: the names of the datasets that it saved, and the catalog that holds them. Each is loaded once."""

    saved: frozenset[str]
    catalog: DataCatalog
    settings: MlflowSettings
    _loaded: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name in ENTRIES:
            return self[ENTRIES[name]][name]
        if name not in self._loaded:
            self._loaded[name] = self.catalog.load(name)
        return self._loaded[name]

    def __contains__(self, name: str) -> bool:
        return ENTRIES.get(name, name) in self.saved

    def first(self, name: str, count: int, prefix: str = "") -> list[Item]:
        """The first items of a folder, without looking at the others."""
        folder = self.catalog.get(name)
        assert isinstance(folder, ItemFolder), name
        return folder.first(count, prefix)

    def grouped(self, name: str) -> dict[str, dict[str, Item]]:
        """The items of a folder by variant."""
        if (key := f"{name} by variant") not in self._loaded:
            self._loaded[key] = self[name].by_group()
        groups: dict[str, dict[str, Item]] = self._loaded[key]
        return groups

    def declared(self) -> dict[str, MetricSpec]:
        """What the metrics are, as the run's scorers declare them."""
        given = [self.catalog.load(f"params:{name}") for name in ("models", "scoring")]
        return declared_metrics(*given)

    def study(self) -> StudyResults:
        """What people say, as the report shows it; nothing without a study."""
        if STUDY not in self or not self[STUDY]:
            return StudyResults()
        if (key := "study today") not in self._loaded:
            clips = {name: item.mark for name, item in self["clips"].items()}
            self._loaded[key] = results_today(self[STUDY], clips, self["all_scores"])
        found: StudyResults = self._loaded[key]
        return found

    def get(self, name: str) -> Any:
        """A dataset that this run saved, else None."""
        if name not in self:
            return None
        return self[name]


def shown_names(saved: set[str], pipeline: Pipeline, catalog: DataCatalog) -> frozenset[str]:
    """The datasets that a run shows: what it saved; a report alone, also what it was made of, which may not have been logged."""
    if "report" not in saved:
        return frozenset(saved)
    if "statistics" in pipeline.all_outputs():
        return frozenset(saved | ({STUDY} & pipeline.inputs()))
    read = pipeline.inputs() | {"prompt_checks", "set_scores"}
    return frozenset(saved | {n for n in read & SHOWN if catalog.exists(n)})


def log_numbers(log: RunLog, results: Results, outcome: Outcome | None = None) -> None:
    """Counts per stage, the selection and its means; of each variant mean metrics with intervals, win share and counts."""
    log.log_metrics(log.parent, parent_metrics(results, outcome))
    log.tag(log.parent, "tpige.work", work_in_words(tallies()))
    lines = outcome.lines() if outcome else []
    log.describe(
        log.parent, "\n".join([*(f"* {x}" for x in lines), "", f"```\n{summary_table()}\n```"])
    )
    if TRAINING in results:
        log_training(log, results[TRAINING])
    if "variant_summary" in results:
        for run in (log.parent, *log.children.values()):
            tag_directions(log, run, results)
    numbers = {name: variant_metrics(name, results) for name in log.children}
    overall = {name: found.get(FIRST, math.nan) for name, found in numbers.items()}
    baseline = outcome.baseline if outcome else None
    for place, name in enumerate(in_order(log.children, overall, baseline)):
        log.log_metrics(log.children[name], numbers[name])
        if "variant_summary" in results:  # without, there is nothing to chart
            log.tag(log.children[name], ORDER, f"{place:03}")
            log.describe(log.children[name], means_in_words(results["variant_summary"], name))


def tag_directions(log: RunLog, run: str, results: Results) -> None:
    """Say in tags which way each metric is better: MLflow's own metrics have a name and a value only."""
    names = present_metrics(results["variant_summary"])
    specs = [spec_of(name, results.declared()) for name in names]
    for better in ("higher", "lower", "neither"):
        if found := [spec.name for spec in specs if spec.better == better]:
            log.tag(run, f"tpige.better.{better}", ", ".join(found))


def present_metrics(summary: pd.DataFrame) -> list[str]:
    """The metrics that any variant has a mean of."""
    return list(dict.fromkeys(summary.loc[summary["mean"].notna(), "metric"]))


def parent_metrics(results: Results, outcome: Outcome | None = None) -> dict[str, float]:
    """All numbers of the whole run, what came out of it first."""
    found = outcome_metrics(outcome) if outcome else {}
    if "variant_summary" in results:
        for row in (MOE, HELD_OUT):
            found |= mean_metrics(results["variant_summary"], row, prefix=f"{row}.")
    if drawn := results.get("enhanced_references"):
        found |= reference_metrics(reference_table(drawn))
    if "enhanced_prompts" in results:
        found |= prompt_metrics(results["enhanced_prompts"])
    if study := results.study():
        found |= study_counts(study)
    found |= language_model_metrics(usage_totals())
    return {**found, **stage_counts(tallies()), **pace_metrics(paces())}


def parent_artifacts(results: Results, failures: list[Failure]) -> Iterator[Artifact]:
    """All files of the whole run: the tables, the plot, contact sheets, the report, and what failed."""
    for name in TABLES:
        if name in results and len(results[name]):
            shown = results[name]
            if "metric" in shown:
                shown = with_declarations(shown, results.declared())
            yield table(shown, f"{name}.json")
    if "variant_summary" in results and len(results["variant_summary"]):
        names = present_metrics(results["variant_summary"])
        yield table(declaration_table(names, results.declared()), "metrics.json")
    for name, content in results.study().tables.items():
        if name != "clips" and len(content):
            yield table(content, f"user_study/{name}.json")
    if drawn := results.get("enhanced_references"):
        yield from reference_artifacts(reference_table(drawn), drawn, results["references"])
    if "contact_sheets" in results:
        for item in results.first("contact_sheets", results.settings.sheets_per_run):
            yield file(item.path, item.mark, "contact_sheets")
    if "report" in results:
        for name in ("variant_means.svg", "report.html"):
            yield text(results["report"][name], name)
    if failures:
        yield table(pd.DataFrame([asdict(f) for f in failures]), "failures.json")


def variant_metrics(name: str, results: Results) -> dict[str, float]:
    """All numbers of one variant, its scores first."""
    found: dict[str, float] = {}
    if "variant_summary" in results:
        found |= mean_metrics(results["variant_summary"], name)
    if "win_shares" in results:
        found |= win_metrics(results["win_shares"], name)
    if study := results.study():
        found |= study_metrics(study, name)
    if "clips" in results:
        clips = results.grouped("clips").get(name, {}).values()
        gpus = results.catalog.load("params:execution").gpus_per_worker
        found |= clip_costs((clip.record() for clip in clips), gpus)
    return found | stage_counts([t for t in tallies() if t.label.endswith(f".{name}")])


def variant_artifacts(name: str, results: Results) -> Iterator[Artifact]:
    """All files of one variant: its means with intervals, the table per sample, the contact sheet, and clips."""
    if "variant_summary" in results:
        summary = results["variant_summary"]
        if len(mine := summary[(summary["variant"] == name) & summary["mean"].notna()]):
            yield table(with_declarations(mine, results.declared()), "means.json")
    if "all_scores" in results:
        scores = results["all_scores"]
        if len(mine := scores[scores["variant"] == name]):
            yield table(with_one_reason(mine), "scores.json")
    if "variant_sheets" in results and name in results["variant_sheets"]:
        sheet = results["variant_sheets"][name]
        yield file(sheet.path, sheet.mark, name="contact_sheet.png")
    if "clips" in results:
        for item in results.first("clips", results.settings.clips_per_variant, f"{name}/"):
            yield file(item.path, item.mark, "clips")


def with_one_reason(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores, the overall one first, with one column ``missing`` for all reasons; MLflow is not sent it where it is empty.

    >>> with_one_reason(
    ...     pd.DataFrame({"a": [1, None], "a_reason": [None, "no face"]})
    ... ).missing.to_list()
    ['', 'no face']
    """
    reasons = [column for column in scores.columns if column.endswith(REASON)]
    first = [name for name in (*KEYS, OVERALL.name) if name in scores]
    others = [name for name in scores.columns if name not in {*first, *reasons}]
    return scores[[*first, *others]].assign(missing=scores[reasons].apply(why_missing, axis=1))


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

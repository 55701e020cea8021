"""Metrics of MLflow's runs by name: the results, their cost, and the same in words.

A mean has the name of its metric, as in the tables, so that it fits above a chart. No name has a slash: what has one gets a section of
its own on MLflow's chart page, above all scores. Charts stand in the order of the alphabet, so that the counts, ``work.…``, come last;
the page of a run lists metrics as they were logged.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from tpige_kedro.execution.tally import Pace, Tally
from tpige_kedro.hooks.outcome import Outcome
from tpige_kedro.metrics.catalog import OVERALL
from tpige_kedro.pipelines.reporting.numbers import short, spread
from tpige_kedro.prompts.counts import count_checks, count_sources
from tpige_kedro.study.results import StudyResults
from tpige_kedro.vision_language.usage import Usage

WINS = {"wins": "wins", "win_share": "share"}  # as MLflow and as the table call them
FIRST = "Overall"  # capital letters come before all others on the chart page
STUDY = "user_study."  # how names of what people say begin
WORK = "work."  # how names of counts begin


def outcome_metrics(outcome: Outcome) -> dict[str, float]:
    """``best.overall`` of the best variant, and ``best.difference`` from the baseline with its interval; NaN where there is none."""
    if outcome.winner is None:
        return {}
    found = {f"best.{FIRST}": outcome.overall[outcome.winner].value}
    if (against := outcome.against.get(outcome.winner)) is None:
        return found
    parts = {"": against.value, ".low": against.low, ".high": against.high}
    return found | {f"best.difference{part}": value for part, value in parts.items()}


def mean_metrics(summary: pd.DataFrame, variant: str, prefix: str = "") -> dict[str, float]:
    """The means of one variant, as the summary has them, the overall score first."""
    return {f"{prefix}{metric_name(row['metric'])}": row["mean"] for row in _rows(summary, variant)}


def metric_name(column: str) -> str:
    """How a column of the tables is called in MLflow.

    >>> metric_name("overall"), metric_name("arc_score")
    ('Overall', 'arc_score')
    """
    return FIRST if column == OVERALL.name else column


def _rows(summary: pd.DataFrame, variant: str) -> list[dict[str, Any]]:
    rows: Any = summary[summary["variant"] == variant].to_dict("records")
    return sorted(rows, key=lambda row: row["metric"] != OVERALL.name)


def means_in_words(summary: pd.DataFrame, variant: str) -> str:
    """The means of one variant with their intervals, as a table of Markdown."""
    rows = _rows(summary[summary["mean"].notna()], variant)
    lines = [
        f"| {r['metric']} | {short(r['mean'])} | {spread(r['low'], r['high'])} | {r['n']} |"
        for r in rows
    ]
    return "\n".join(
        ["| metric | mean | interval | clips |", "| --- | --- | --- | --- |", *lines]
        if rows
        else []
    )


def win_metrics(win_shares: pd.DataFrame, variant: str) -> dict[str, float]:
    """How often the selection chose the variant: ``wins`` and ``win_share``; nothing if it takes no part."""
    rows = win_shares[win_shares["variant"] == variant].to_dict("records")
    return {name: row[of] for row in rows for name, of in WINS.items()}


def study_metrics(results: StudyResults, variant: str) -> dict[str, float]:
    """What people say of a variant: ``user_study.<question>.points`` and ``.share``; nothing if nobody voted on it."""
    found: dict[str, float] = {}
    for question in results.questions():
        table = results.scores(question)
        for row in table[table["variant"] == variant].to_dict("records"):
            found |= {f"{STUDY}{question}.{name}": row[name] for name in ("points", "share")}
    return found


def study_counts(results: StudyResults) -> dict[str, float]:
    """``user_study.votes``, ``.raters`` and ``.raters_kept`` of the study, and of each metric how far it agrees with people."""
    about = results.about
    found: dict[str, float] = {
        f"{STUDY}votes": about.votes,
        f"{STUDY}raters": about.raters,
        f"{STUDY}raters_kept": about.kept,
    }
    for row in results.tables["metrics"].to_dict("records"):
        found[f"{STUDY}{row['question']}.agrees.{row['metric']}"] = row["agreement"]
    return found


def stage_counts(found: list[Tally]) -> dict[str, float]:
    """``work.<stage>.total``, ``.done``, ``.skipped`` (kept from earlier runs) and ``.failed``, variants added up."""
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
            key = f"{WORK}{stage}.{part}"
            counts[key] = counts.get(key, 0) + count
    return counts


def pace_metrics(found: list[Pace]) -> dict[str, float]:
    """``work.<stage>.per_hour``, items of each stage that workers did, and ``work.gpu_hours`` and ``work.worker_hours`` of all.

    >>> pace_metrics([Pace("scoring", items=10, seconds=60, worker_seconds=90, gpu_seconds=90)])
    {'work.scoring.per_hour': 600.0, 'work.gpu_hours': 0.025, 'work.worker_hours': 0.025}
    """
    if not found:
        return {}
    speeds = {f"{WORK}{pace.stage}.per_hour": pace.per_hour for pace in found if pace.items}
    return {
        **speeds,
        f"{WORK}gpu_hours": sum(pace.gpu_seconds for pace in found) / 3600,
        f"{WORK}worker_hours": sum(pace.worker_seconds for pace in found) / 3600,
    }


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

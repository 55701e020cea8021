"""What a blind study found, as the report shows it: scores as a plot and a table, raters, and which metric agrees with people."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import Item
from tpige_kedro.metrics.catalog import OVERALL
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.page import render
from tpige_kedro.pipelines.reporting.paper_tables import VOTED
from tpige_kedro.pipelines.reporting.plot import Panel, interval_panel
from tpige_kedro.pipelines.reporting.tables import Cell, TableRow
from tpige_kedro.schemas import Moe
from tpige_kedro.study.metric_agreement import SUGGESTED
from tpige_kedro.study.results import StudyResults, results_today
from tpige_kedro.study.weights import MIN_SAMPLES, PAIRS_PER_WEIGHT

Row = Mapping[Any, Any]  # of a table, by the names of its columns
Rows = Sequence[Row]

logger = logging.getLogger(__name__)

PAPERS_QUESTION = "overall"  # what the paper's raters were asked
SCORE = MetricSpec(
    "user_study_share",
    "User study",
    0,
    1,
    "higher",
    "share of the votes on a variant: 1 for a win, ½ for a draw, 0 for a loss",
)


@dataclass(frozen=True)
class QuestionView:
    """What raters said to one question: rows of the tables, the plot, and whether anybody was left out."""

    name: str
    panel: Panel | None
    scores: Rows
    before: Mapping[str, Row]  # by variant: with all raters, if some are left out
    wins: Mapping[tuple[str, str], Row]
    agreement: Mapping[str, Row]
    metrics: Rows
    weights: Rows

    @property
    def held_out(self) -> Row | None:
        """The agreement of the suggested weights on samples that they were not fitted to."""
        return next((row for row in self.metrics if row["metric"] == SUGGESTED), None)

    @property
    def overall(self) -> Row | None:
        """The agreement of today's weights."""
        return next((row for row in self.metrics if row["metric"] == OVERALL.name), None)


def current_study(
    study_results: dict[str, pd.DataFrame],
    clips: Mapping[str, Item],
    declared_scores: DeclaredScores,
) -> StudyResults:
    """The results of the study, if there is one, as far as they are about today's clips and scores; a warning says what is not."""
    marks = {key: item.mark for key, item in clips.items()} if study_results else {}
    found = results_today(study_results, marks, declared_scores.table)
    if found.problem:
        logger.warning(found.problem)
    return found


def add_user_study(variant_summary: pd.DataFrame, study_today: StudyResults) -> pd.DataFrame:
    """The summary of all metrics with the rows of Table 1's column "User study": points as the paper counts them, and votes as n."""
    if not study_today or PAPERS_QUESTION not in study_today.questions():
        return variant_summary
    found = study_today.scores(PAPERS_QUESTION)
    found = found[found["variant"].isin(variant_summary["variant"])]
    points = pd.DataFrame({"variant": found["variant"], "metric": VOTED, "mean": found["points"], "n": found["n"]})  # fmt: skip
    ends = {end: found[end] * found["n"] for end in ("low", "high")}
    return pd.concat([variant_summary, points.assign(**ends)], ignore_index=True)


def write_study(study_today: StudyResults, moe: Moe) -> str:
    """The report's section on the study; nothing without one."""
    if not study_today:
        return render("study.html", study=None, problem=study_today.problem)
    tables = study_today.tables
    return render(
        "study.html",
        study=study_today.about,
        problem=study_today.problem,
        questions=[question_view(study_today, name) for name in study_today.questions()],
        raters=tables["raters"].to_dict("records"),
        left_out=tables["left_out"].to_dict("records"),
        refused=tables["refused"]["problem"].tolist(),
        confidence=moe.confidence,
        suggested=SUGGESTED,
        least=(MIN_SAMPLES, PAIRS_PER_WEIGHT),
    )


def question_view(results: StudyResults, question: str) -> QuestionView:
    """One question's results, with the raters that are kept."""
    tables = results.tables
    shown = results.scores(question)
    who = str(shown["raters"].iloc[0])
    everybody = results.scores(question, "all")
    anybody_left_out = results.about.kept < results.about.raters
    rows = shown.to_dict("records")

    def part(name: str) -> Rows:
        table = tables[name]
        mine = table[table["question"] == question]
        return (mine[mine["raters"] == who] if "raters" in mine else mine).to_dict("records")

    return QuestionView(
        name=question,
        panel=interval_panel(SCORE, [_plotted(row) for row in rows], baseline=None),
        scores=rows,
        before={r["variant"]: r for r in everybody.to_dict("records")} if anybody_left_out else {},
        wins={(r["variant"], r["against"]): r for r in part("wins")},
        agreement={r["measure"]: r for r in part("agreement") if not math.isnan(r["value"])},
        metrics=part("metrics"),
        weights=part("weights"),
    )


def _plotted(row: Row) -> TableRow:
    """A score as the plots of means take it; all variants have their own number of votes, so none is marked as smaller."""
    cell = Cell(row["share"], row["low"], row["high"], row["n"], of=row["n"])
    return TableRow(str(row["variant"]), str(row["variant"]), "", {SCORE.name: cell})

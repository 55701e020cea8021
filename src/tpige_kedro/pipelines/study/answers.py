"""Turns the votes of a study into its results: which count, what they say of variants, raters and metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from tpige_kedro.datasets.items import Item
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.study.votes import Asked
from tpige_kedro.schemas import Moe, Scoring, Study
from tpige_kedro.seeds import derive_seed
from tpige_kedro.study.metric_agreement import (
    METRIC_COLUMNS,
    SUGGESTED,
    WEIGHT_COLUMNS,
    metric_table,
    weight_tables,
)
from tpige_kedro.study.raters import rater_table
from tpige_kedro.study.results import Standing, score_mark
from tpige_kedro.study.scores import by_question
from tpige_kedro.study.votes import about_pairs, comparisons, left_out

logger = logging.getLogger(__name__)

Tables = dict[str, pd.DataFrame]


class CountedVotes(NamedTuple):
    """The votes beside their pairs, what is known of each rater, how many votes do not count, by the reason, and what was refused."""

    votes: pd.DataFrame
    raters: pd.DataFrame
    left_out: dict[str, int]
    refused: list[str]  # files and votes that could not be taken, in words

    @property
    def kept(self) -> pd.DataFrame:
        """The votes of raters who are not left out."""
        who = self.raters.loc[self.raters["kept"], "rater"]
        return self.votes[self.votes["rater"].isin(who)]


def collect_votes(study_pairs: pd.DataFrame) -> Asked:
    """What was asked; its votes are collected where they are kept."""
    return Asked(study_pairs.attrs["study"], frozenset(study_pairs["pair_id"]))


def count_votes(study_votes: pd.DataFrame, study_pairs: pd.DataFrame, study: Study) -> CountedVotes:
    """The votes that count, and the raters who do."""
    counted = about_pairs(study_votes, study_pairs)
    counted = counted[counted["question"].isin(study.questions)]
    found = CountedVotes(
        counted,
        rater_table(counted, study.minimum_attention),
        left_out(study_votes, study_pairs, study.questions),
        study_votes.attrs["refused"],
    )
    logger.info("study: %s", _in_words(found))
    return found


def score_votes(counted_votes: CountedVotes, study: Study, moe: Moe, seed: int) -> Tables:
    """``scores``, ``wins`` and ``agreement`` of every question, with all raters and with those that are kept."""
    votes, raters = counted_votes.votes, counted_votes.raters
    return by_question(votes, raters, study.questions, seed, confidence=moe.confidence)


def compare_metrics(
    counted_votes: CountedVotes,
    scores_beside_votes: DeclaredScores,
    study: Study,
    scoring: Scoring,
    moe: Moe,
    seed: int,
) -> Tables:
    """Per question, ``metrics``: which agree with people, and ``weights``: of the overall score, today's and those that agree best."""
    scores, declared = scores_beside_votes
    metrics, weights = [], []
    for question in study.questions:
        votes = comparisons(counted_votes.kept, question)
        if votes.empty:
            continue
        own = derive_seed(seed, question)
        found = metric_table(votes, scores, declared, own, confidence=moe.confidence)
        suggested, rows = weight_tables(
            votes, scores, scoring.overall, declared, own, confidence=moe.confidence
        )
        rows = rows[rows["metric"] == SUGGESTED]
        metrics += [table.assign(question=question) for table in (found, rows) if len(table)]
        weights += [suggested.assign(question=question)] if len(suggested) else []
    return {
        "metrics": _joined(metrics, METRIC_COLUMNS),
        "weights": _joined(weights, WEIGHT_COLUMNS),
    }


def summarise_votes(
    counted_votes: CountedVotes,
    study_scores: Tables,
    study_metrics: Tables,
    scores_beside_votes: DeclaredScores,
    clips: Mapping[str, Item],
    study: Study,
) -> Tables:
    """All results of the study; no tables before there are votes.

    ``clips`` lists what was voted on, with the hash of each file: when clips are made again, the results are not theirs.
    """
    votes, raters, reasons, refused = counted_votes
    if study_scores["scores"].empty:
        return {}
    sides = [votes[[f"variant_{side}", "sample_id"]].to_numpy().tolist() for side in "ab"]
    shown = sorted({(variant, sample) for side in sides for variant, sample in side})
    known = [(v, s, clips[f"{v}/{s}"].mark) for v, s in shown if f"{v}/{s}" in clips]
    standing = Standing(
        votes=len(comparisons(votes)),
        raters=len(raters),
        kept=int(raters["kept"].sum()),
        samples=votes["sample_id"].nunique(),
        minimum_attention=study.minimum_attention,
        scores=score_mark(scores_beside_votes.table),
    )
    return {
        "about": standing.table(),
        **study_scores,
        "raters": raters,
        **study_metrics,
        "left_out": pd.DataFrame(list(reasons.items()), columns=["reason", "votes"]),
        "refused": pd.DataFrame({"problem": refused}, dtype=str),
        "clips": pd.DataFrame(known, columns=["variant", "sample_id", "mark"]),
    }


def _in_words(found: CountedVotes) -> str:
    """How many votes and raters there are, in one line."""
    if found.votes.empty:
        return "no votes yet; kedro study shows the pairs to raters"
    gone = len(found.raters) - int(found.raters["kept"].sum())
    return f"{len(found.votes)} votes of {len(found.raters)} raters" + (
        f", of whom {gone} failed attention pairs and are left out" if gone else ""
    )


def _joined(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )

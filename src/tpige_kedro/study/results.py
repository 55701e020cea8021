"""The results of a study as the report reads them: tables by name, and whether they are still about the clips and scores of today."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import pandas as pd

from tpige_kedro.metrics.columns import KEYS, metric_columns

Tables = Mapping[str, pd.DataFrame]

AGAIN = "kedro run --pipelines=study"


@dataclass(frozen=True)
class Standing:
    """What the results were computed from: counts, the rule of exclusion, and a hash of the metrics' scores."""

    votes: int
    raters: int
    kept: int
    samples: int
    minimum_attention: float
    scores: str

    def table(self) -> pd.DataFrame:
        """As a table of one row."""
        return pd.DataFrame([asdict(self)])


@dataclass(frozen=True)
class StudyResults:
    """The tables that may be shown beside today's clips and scores; none if there was no study. ``problem`` says what is not shown and why."""

    tables: Tables = field(default_factory=dict)
    problem: str = ""

    def __bool__(self) -> bool:
        return bool(self.tables)

    @property
    def about(self) -> Standing:
        """What the results were computed from."""
        (row,) = self.tables["about"].to_dict("records")
        return Standing(**{str(name): value for name, value in row.items()})

    def questions(self) -> Sequence[str]:
        """The questions in their order."""
        return list(dict.fromkeys(self.tables["scores"]["question"]))

    def scores(self, question: str, raters: str = "kept") -> pd.DataFrame:
        """The scores of a question, the best variant first; of all raters if none of them is kept."""
        table = self.tables["scores"]
        found = table[(table["question"] == question) & (table["raters"] == raters)]
        return found if len(found) or raters == "all" else self.scores(question, "all")


def results_today(tables: Tables, clips: Mapping[str, str], scores: pd.DataFrame) -> StudyResults:
    """The results as far as they hold for today's clips and scores.

    Args:
        tables: as the study left them; empty without a study.
        clips: the hashes of the clips that there are, by "<variant>/<sample>"; one that is gone changes no result.
        scores: the table of all scores, by which metrics were compared with people.
    """
    if not tables:
        return StudyResults()
    rows = tables["clips"].to_dict("records")
    voted_on = [(f"{row['variant']}/{row['sample_id']}", row["mark"]) for row in rows]
    others = [key for key, mark in voted_on if clips.get(key, mark) != mark]
    if others:
        return StudyResults(
            problem=f"the study's results are not shown: {len(others)} of its clips were made again since people voted on them (the first: "
            f"{others[0]}); {AGAIN} says what to do"
        )
    results = StudyResults(tables)
    if results.about.scores == score_mark(scores):
        return results
    names = ("metrics", "weights")
    left = {name: table[:0] if name in names else table for name, table in tables.items()}
    problem = f"clips were scored again since metrics were compared with people, which is not shown: {AGAIN} compares them again"
    return StudyResults(left, problem)


def score_mark(scores: pd.DataFrame) -> str:
    """A hash of the values of a table of scores, whatever the order of its rows and columns.

    >>> scores = pd.DataFrame({"sample_id": ["a", "b"], "variant": "v", "overall": [0.1, 0.2]})
    >>> score_mark(scores) == score_mark(scores[::-1])
    True
    """
    columns = [*KEYS, *sorted(metric_columns(scores))]
    rows = scores[columns].sort_values(list(KEYS), ignore_index=True)
    values = pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes()
    return hashlib.sha256(" ".join(columns).encode() + values).hexdigest()

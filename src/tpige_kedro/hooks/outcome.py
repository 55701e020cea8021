"""What a run found, in a few lines for the end of its log: the best variant and its distance from the baseline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
from kedro.pipeline import Pipeline

from tpige_kedro.metrics.catalog import OVERALL
from tpige_kedro.metrics.columns import MOE, SELECTIONS
from tpige_kedro.pipelines.reporting.best import Best, best_variants
from tpige_kedro.pipelines.reporting.numbers import p_value, short, signed, spread
from tpige_kedro.pipelines.reporting.tables import SURE

if TYPE_CHECKING:
    from kedro.io import DataCatalog

STAGES = {  # what each leaves, in their order
    "prompt_enhancement": "enhanced_prompts",
    "reference_enhancement": "enhanced_references",
    "generation_variants": "clips",
    "scoring": "clip_scores",
    "moe_selection": "statistics",
    "reporting": "report",
}
TABLES = ("statistics", "all_scores")
NO_ONE = Best(frozenset(), 0, all_same=True)


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of two, with its interval over ``n`` clips or pairs; NaN where it has none."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{short(self.value)} {spread(self.low, self.high)}".strip()


@dataclass(frozen=True)
class Outcome:
    """The overall scores of a run: each variant's, the selection's, and that of the best variants less the baseline's.

    ``against`` is empty where the baseline did not run; ``p`` is the p value of each difference after Holm's correction.
    """

    overall: Mapping[str, Estimate]
    best: Best = NO_ONE
    baseline: str | None = None
    selected: Estimate | None = None
    against: Mapping[str, Estimate] = field(default_factory=dict)
    p: Mapping[str, float] = field(default_factory=dict)

    @property
    def winner(self) -> str | None:
        """The best variant; of several equal ones the baseline, else the first."""
        equal = [name for name in self.overall if name in self.best.variants]
        return self.baseline if self.baseline in equal else next(iter(equal), None)

    def lines(self) -> list[str]:
        """The outcome in words, the best variant first."""
        if not self.overall:
            return ["no clip has an Overall score, so no variant is called best"]
        found = [self._of_the_best(), self._of_the_difference(), self._of_the_selection()]
        return [line for line in found if line]

    def _of_the_best(self) -> str:
        if self.winner is None:
            return "the variants share too few samples to call one best"
        score = self.overall[self.winner]
        title = "best variant" if len(self.overall) > 1 else "the only variant with scores"
        others = [name for name in self.overall if name in self.best.variants - {self.winner}]
        line = f"{title}: {self.winner}, Overall {score} over {counted(score.n, 'clip')}"
        if not self.best.all_same:
            line += f", by the {counted(self.best.samples, 'sample')} that all variants have"
        return f"{line}; {', '.join(others)} equal to it" if others else line

    def _of_the_difference(self) -> str:
        if self.winner is None or self.baseline is None or len(self.overall) < 2:
            return ""
        if self.baseline not in self.overall:
            return f"the baseline, {self.baseline}, has no score to compare with"
        if self.winner == self.baseline:
            return f"{self.winner} is the baseline: no variant has a higher Overall"
        return in_comparison(self.baseline, self.against.get(self.winner), self.p.get(self.winner))

    def _of_the_selection(self) -> str:
        if self.selected is None or len(self.overall) < 2:
            return ""
        return f"best clip of each sample (MoE): Overall {self.selected}"


def in_comparison(baseline: str, found: Estimate | None, p: float | None) -> str:
    """A paired difference against ``baseline`` in words; ``p`` is that after Holm's correction.

    >>> in_comparison("vace", Estimate(0.031, 0.01, 0.052, 8), 0.03)
    "against vace, the baseline: +0.031 [0.010, 0.052] over 8 pairs, p = 0.030 after Holm's correction"
    >>> in_comparison("vace", Estimate(0.003, -0.01, 0.02, 8), 0.6)
    'against vace, the baseline: no difference that the interval shows, +0.003 [−0.010, 0.020] over 8 pairs'
    >>> in_comparison("vace", Estimate(0.003, float("nan"), float("nan"), 1), None)
    'against vace, the baseline: +0.003 over 1 pair, too few for an interval'
    """
    begin = f"against {baseline}, the baseline:"
    if found is None or not math.isfinite(found.value):
        return f"{begin} no sample has both"
    numbers = f"{signed(found.value)} {spread(found.low, found.high)}".strip()
    numbers += f" over {counted(found.n, 'pair')}"
    if not math.isfinite(found.low):
        return f"{begin} {numbers}, too few for an interval"
    if found.low <= 0 <= found.high:
        return f"{begin} no difference that the interval shows, {numbers}"
    if p is None or not math.isfinite(p):
        return f"{begin} {numbers}"
    but = "" if p <= SURE else "but "
    return f"{begin} {numbers}, {but}{p_value(p)} after Holm's correction"


def counted(n: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "clip"), counted(8, "clip")
    ('1 clip', '8 clips')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def outcome_of(
    summary: pd.DataFrame,
    differences: pd.DataFrame,
    all_scores: pd.DataFrame,
    baseline: str | None,
) -> Outcome:
    """The outcome that the run's own tables hold; nothing is computed again."""
    name = OVERALL.name
    rows = summary[(summary["metric"] == name) & summary["mean"].notna()]
    scores = {row["variant"]: estimate(row, "mean") for row in rows.to_dict("records")}
    own = {variant: score for variant, score in scores.items() if variant not in SELECTIONS}
    if not own:
        return Outcome({}, baseline=baseline)
    best = best_variants(rows, all_scores, {name: OVERALL})[name]
    chosen = (differences["metric"] == name) & (differences["against"] == baseline)
    pairs = differences[chosen].to_dict("records")
    against = {row["variant"]: estimate(row, "difference") for row in pairs}
    p = {row["variant"]: row["p_holm"] for row in pairs}
    return Outcome(own, best, baseline, scores.get(MOE), against, p)


def estimate(row: Mapping[Any, Any], name: str) -> Estimate:
    """The number ``name`` of a row of the tables, with its interval."""
    return Estimate(row[name], row["low"], row["high"], row["n"])


def outcome_of_run(pipeline: Pipeline, catalog: DataCatalog) -> Outcome | None:
    """What a run that compares or reports variants found; None for a run of other stages."""
    made = pipeline.all_outputs()
    if not {"statistics", "report"} & made:
        return None
    if not all(name in catalog and catalog.exists(name) for name in TABLES):
        return None
    found, all_scores = map(catalog.load, TABLES)
    tables = found["variant_summary"], found["variant_differences"], all_scores
    return outcome_of(*tables, catalog.load("params:moe").baseline)


def in_their_order(pipelines: Iterable[str]) -> list[str]:
    """Names of pipelines, the stages in their order: Kedro shuffles them.

    >>> in_their_order(["reporting", "scoring", "mine"])
    ['scoring', 'reporting', 'mine']
    """
    given = list(pipelines)
    return [*(name for name in STAGES if name in given), *sorted(set(given) - set(STAGES))]


def next_stages(made: Set[str]) -> Sequence[str]:
    """The stages that come after the last one whose results are among the datasets that a run ``made``.

    >>> (
    ...     next_stages({"clip_scores", "plan"}),
    ...     next_stages({"report"}),
    ...     next_stages({"mini_training_log"}),
    ... )
    (['moe_selection', 'reporting'], [], [])
    """
    names, left = list(STAGES), [STAGES[name] in made for name in STAGES]
    return names[len(left) - left[::-1].index(True) :] if any(left) else []


def places(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[str]:
    """Where the report is, or else what to run next."""
    made = pipeline.all_outputs()
    if STAGES["reporting"] in made:
        report: Any = catalog[
            STAGES["reporting"]
        ]  # a text dataset; Kedro-Viz looks for the same name
        yield f"the report: {report._filepath}"
    elif names := next_stages(made):
        yield f"next: the same command with --pipelines={','.join(names)}"

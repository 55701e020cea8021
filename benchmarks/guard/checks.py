"""What the regression guard checks, on judged clips, and bounds for it from the spread between pairs.

Every check has one form: the mean of a column over the pairs, minus the largest of the means of its rivals. It fails below its bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
from numpy.typing import NDArray

from benchmarks.guard.clips import CONTROL, EXPERTS, GUIDED
from tpige_kedro.metrics.overall import PAPER_WEIGHTS
from tpige_kedro.pipelines.moe_selection.candidates import held_out_scores, pivot

OPENS = "PE opens hidden faces"
LIKENESS = "clips show the person of the reference"
GUIDANCE = "GE does not lower identity"
LEFT_OUT = "selection without {} is no worse in it than the best expert"
CHECKS = (OPENS, LIKENESS, GUIDANCE, *(LEFT_OUT.format(metric) for metric in PAPER_WEIGHTS))


class Column(NamedTuple):
    """The values (n,) of a check, those of its rivals (n, k), and which pairs it is about (n,)."""

    values: NDArray[Any]
    rivals: NDArray[Any]
    pairs: NDArray[Any]


Columns = dict[str, Column]


def columns(clips: pd.DataFrame) -> Columns:
    """Of every check, the values and those of its rivals for each pair, in the order of the pairs."""
    seen, identity = _wide(clips, "face seen"), _wide(clips, "identity")
    hides = clips.groupby("sample_id")["hides"].first()
    found = {
        OPENS: (seen["vace_pe"], seen[["vace"]]),
        LIKENESS: (identity[CONTROL], 0 * identity[[CONTROL]]),
        GUIDANCE: (identity[GUIDED], identity[[CONTROL]]),
    }
    scored = clips[clips["variant"].isin(EXPERTS)]
    for metric, values in held_out_scores(scored, EXPERTS, PAPER_WEIGHTS).items():
        found[LEFT_OUT.format(metric)] = (values, pivot(scored, metric, EXPERTS))
    about = {name: hides | (name != OPENS) for name in found}
    return {
        name: Column(a.to_numpy(float), b.to_numpy(float), about[name].to_numpy(bool))
        for name, (a, b) in found.items()
    }


def statistics(columns: Columns, rows: NDArray[Any] | slice = slice(None)) -> dict[str, float]:
    """The value of every check over the pairs ``rows``."""
    return {name: _lead(*(part[rows] for part in found)) for name, found in columns.items()}


def hold(clips: pd.DataFrame, bounds: Mapping[str, float]) -> None:
    """Raise ``AssertionError`` naming every check whose value is below its bound, or is not there."""
    values = statistics(columns(clips))
    failed = [
        f"{name}: {values[name]:+.4f}, bound {bound:+.4f}"
        for name, bound in bounds.items()
        if not values[name] >= bound
    ]
    assert not failed, "\n".join(failed)


def with_mutant(clips: pd.DataFrame, mutant: str) -> pd.DataFrame:
    """The clips as the mutant would have made them: its own where it made any, the others as they are."""
    whole, broken = clips[clips["mutant"] == ""], clips[clips["mutant"] == mutant]
    return pd.concat([whole[~whole["variant"].isin(broken["variant"])], broken])


def replaced(clips: pd.DataFrame, variant: str, by: str) -> pd.DataFrame:
    """The clips where the enhancement of ``variant`` does nothing, so that its clips are those of ``by``."""
    others = clips[clips["variant"] != variant]
    return pd.concat([others, clips[clips["variant"] == by].assign(variant=variant)])


def _wide(clips: pd.DataFrame, measure: str) -> pd.DataFrame:
    return clips.pivot(index="sample_id", columns="variant", values=measure)


def _lead(values: NDArray[Any], rivals: NDArray[Any], pairs: NDArray[Any]) -> float:
    return float(values[pairs].mean() - rivals[pairs].mean(axis=0).max())

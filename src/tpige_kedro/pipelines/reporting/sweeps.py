"""The curves of sweeps: the mean of each metric against the value that is swept, over the samples that all points have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from tpige_kedro.metrics.columns import metric_columns
from tpige_kedro.metrics.declared import Declared, spec_of
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.metrics.statistics import Interval, bootstrap_intervals
from tpige_kedro.schemas import Moe, SweepPoint, Variant

FIRST = "overall"  # the metric of the first panel


@dataclass(frozen=True)
class Sweep:
    """The points of one sweep by variant. ``key`` is the swept key that the curves run along; each of ``series`` is one curve.

    A curve is the value of ``key`` for each of its variants; its name says what the other swept keys are, if there are any.
    """

    name: str
    key: str
    series: Mapping[str, Mapping[str, Any]]  # by name of the curve: value of the key by variant
    baseline: str | None

    @property
    def variants(self) -> list[str]:
        """All points, curve by curve."""
        return [variant for points in self.series.values() for variant in points]

    @property
    def values(self) -> list[Any]:
        """The values of ``key``, each once: numbers in their order, others as they come."""
        found = [value for points in self.series.values() for value in points.values()]
        once = [value for i, value in enumerate(found) if value not in found[:i]]
        return sorted(once) if all(map(is_number, once)) else once


class MetricCurve(NamedTuple):
    """One metric of a sweep: an interval per variant and that of the baseline, all over the ``samples`` of ``of`` that they share.

    ``absent`` are the variants without any value, which do not count.
    """

    metric: MetricSpec
    points: Mapping[str, Interval]
    baseline: Interval | None
    samples: int
    of: int
    absent: Sequence[str]


def is_number(value: Any) -> bool:
    """Whether a swept value has a place on an axis."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def sweeps_of(variants: Mapping[str, Variant], baseline: str | None) -> list[Sweep]:
    """The sweeps among the variants that run; a sweep of which one point runs is none.

    Of several swept keys, the curves run along the one with the most values; numbers go before words.

    >>> at = lambda weight: SweepPoint(name="ours", values={"identity_weight": weight})
    >>> points = {f"p{i}": Variant(generator="wan", sweep=at(i / 4)) for i in range(3)}
    >>> [(sweep.name, sweep.key, sweep.values) for sweep in sweeps_of(points, None)]
    [('ours', 'identity_weight', [0.0, 0.25, 0.5])]
    """
    found: dict[str, dict[str, SweepPoint]] = {}
    for name, variant in variants.items():
        if variant.sweep is not None:
            found.setdefault(variant.sweep.name, {})[name] = variant.sweep
    known = baseline if baseline in variants else None
    return [_sweep(name, points, known) for name, points in found.items() if len(points) > 1]


def _sweep(name: str, points: Mapping[str, SweepPoint], baseline: str | None) -> Sweep:
    keys = dict.fromkeys(key for point in points.values() for key in point.values)
    key = max(keys, key=lambda k: _rank([point.values.get(k) for point in points.values()]))
    series: dict[str, dict[str, Any]] = {}
    for variant, point in points.items():
        others = [f"{k} {value_text(v)}" for k, v in point.values.items() if k != key]
        series.setdefault(", ".join(others), {})[variant] = point.values.get(key)
    return Sweep(name, key, series, baseline)


def _rank(values: Sequence[Any]) -> tuple[bool, bool, int]:
    """How well values serve as an axis."""
    count = len({str(value) for value in values})
    return count > 1, all(map(is_number, values)), count


def value_text(value: Any) -> str:
    """A swept value in print.

    >>> value_text(0.25), value_text([7, 9]), value_text([]), value_text("as_published")
    ('0.25', '7, 9', 'none', 'as published')
    """
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if is_number(value) else str(value).replace("_", " ")


def metric_curves(
    sweep: Sweep, all_scores: pd.DataFrame, declared: Declared, moe: Moe, seed: int
) -> list[MetricCurve]:
    """A curve for every metric of clips that a point has a value of, Overall first; each over the samples that all points have.

    The intervals are those of the report's tables, drawn from the same resamples for all points.
    """
    wanted = [*sweep.variants, *([sweep.baseline] if sweep.baseline else [])]
    rows = all_scores[all_scores["variant"].isin(wanted)]
    names = sorted(metric_columns(rows), key=lambda name: name != FIRST)
    tables = {name: rows.pivot(index="sample_id", columns="variant", values=name) for name in names}
    shared = {name: common(table.reindex(columns=list(dict.fromkeys(wanted)))) for name, table in tables.items()}  # fmt: skip
    columns = [(name, v, table[v]) for name, table in shared.items() for v in table]
    intervals = bootstrap_intervals([c for *_, c in columns], seed, moe.resamples, moe.confidence)
    found = {(n, v): interval for (n, v, _), interval in zip(columns, intervals, strict=True)}
    of = rows["sample_id"].nunique()
    curves = []
    for name, table in shared.items():
        points = {v: found[name, v] for v in dict.fromkeys(sweep.variants) if v in table}
        absent = [v for v in sweep.variants if v not in table]
        if points:
            baseline = found.get((name, sweep.baseline or ""))
            spec = spec_of(name, declared)
            curves.append(MetricCurve(spec, points, baseline, len(table), of, absent))
    return curves


def common(values: pd.DataFrame) -> pd.DataFrame:
    """The samples (rows) that all variants (columns) have a value of, without the variants that have none at all."""
    return values.dropna(axis=1, how="all").dropna()

"""The metrics of a run: the declarations of its scorers, which go with the scores wherever they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf

import pandas as pd

from tpige_kedro.metrics.catalog import METRICS, OVERALL
from tpige_kedro.metrics.overall import PAPER_WEIGHTS
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.schemas import ModelSpec, Scoring
from tpige_kedro.source_values import attribute

Declared = Mapping[str, MetricSpec]  # by the name of the column

NOT_DECLARED = "no scorer of this run declares it, so nobody knows which way is better"


def declared_metrics(models: Mapping[str, ModelSpec], scoring: Scoring) -> dict[str, MetricSpec]:
    """The declarations of all columns: of the configured scorers first, then of the catalogue, and of the overall score.

    Read from the classes without loading a model. Raises :class:`ModelError` if a scorer's class does not exist.
    """
    names = [*scoring.scorers, *([scoring.set_scorer] if scoring.set_scorer else [])]
    own = {spec.name: spec for name in names for spec in given_by(models[name])}
    known = {**METRICS, **own}
    return {**known, OVERALL.name: overall_spec(scoring.overall, known)}


def given_by(scorer: ModelSpec) -> tuple[MetricSpec, ...]:
    """The metrics that a scorer's class declares; none if it does not say."""
    try:
        return tuple(attribute(scorer.type, "metrics"))
    except AttributeError:
        return ()


def overall_spec(weights: Mapping[str, float], known: Declared) -> MetricSpec:
    """The overall score with the weights of this run.

    >>> overall_spec({"gme_score": 1.0, "face_rate": 0.5}, METRICS).source
    '1 GMEScore + 0.5 Face rate; weights in scoring.overall'
    """
    if dict(weights) == dict(PAPER_WEIGHTS):
        return OVERALL
    parts = [(weight, spec_of(name, known)) for name, weight in weights.items()]
    return replace(
        OVERALL,
        low=sum(weight * spec.low for weight, spec in parts),
        high=sum(weight * spec.high for weight, spec in parts),
        source=" + ".join(f"{weight:g} {spec.title}" for weight, spec in parts)
        + "; weights in scoring.overall",
    )


def spec_of(metric: str, declared: Declared = METRICS) -> MetricSpec:
    """The declaration of a metric; one that nobody declares has no direction, so nothing is best in it.

    >>> spec_of("gme_score").better, spec_of("made_up").better
    ('higher', 'neither')
    """
    return declared.get(metric) or MetricSpec(metric, metric, -inf, inf, "neither", NOT_DECLARED)


def with_declarations(table: pd.DataFrame, declared: Declared = METRICS) -> pd.DataFrame:
    """A table with a row per metric, with each one's ``title`` and which way is ``better`` after its name.

    >>> with_declarations(pd.DataFrame({"metric": ["flicker"], "mean": [0.1]})).to_dict("records")
    [{'metric': 'flicker', 'title': 'Flicker', 'better': 'lower', 'mean': 0.1}]
    """
    specs = [spec_of(name, declared) for name in table["metric"]]
    place = list(table.columns).index("metric") + 1
    columns = {"title": [s.title for s in specs], "better": [s.better for s in specs]}
    said = pd.DataFrame(columns, index=table.index, dtype=object)
    return pd.concat([table.iloc[:, :place], said, table.iloc[:, place:]], axis=1)


def declaration_table(names: list[str], declared: Declared = METRICS) -> pd.DataFrame:
    """A row per metric: ``metric, title, better, low, high, source, protocol``; an open end of the range is empty."""
    specs = [spec_of(name, declared) for name in names]
    return pd.DataFrame(
        [
            {
                "metric": spec.name,
                "title": spec.title,
                "better": spec.better,
                "low": spec.low if abs(spec.low) < inf else None,
                "high": spec.high if abs(spec.high) < inf else None,
                "source": spec.source,
                "protocol": spec.protocol,
            }
            for spec in specs
        ]
    )

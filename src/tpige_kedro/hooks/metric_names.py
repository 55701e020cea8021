"""Whether the metrics that parameters name are those that the configured scorers give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tpige_kedro.declarations import has_method
from tpige_kedro.hooks.model_options import absent_class
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.nearest import advice
from tpige_kedro.schemas import Parameters
from tpige_kedro.source_values import attribute


def metric_problems(parameters: Parameters) -> Iterator[str]:
    """Weights of metrics that no scorer gives, or that reward what is bad; metrics that two scorers give."""
    scoring = parameters.scoring
    given = {n: metrics_of(parameters, n) for n in dict.fromkeys(scoring.scorers)}
    yield from _given_twice(given)
    known = {name: spec for metrics in given.values() if metrics for name, spec in metrics.items()}
    for name in scoring.overall:
        if name in known:
            if known[name].better == "lower":
                yield f"scoring.overall.{name}: for this metric lower is better, so a weight would select the worst clips; remove it"
        elif None not in given.values():
            yield f"scoring.overall.{name}: {_no_scorer(name, known, parameters)}"


def metrics_of(parameters: Parameters, model: str) -> dict[str, MetricSpec] | None:
    """What a scorer gives, by name; None if its class does not say."""
    spec = parameters.models[model]
    if absent_class(spec.type):
        return None
    try:
        specs = attribute(spec.type, "metrics")
    except AttributeError:
        return None
    return {spec.name: spec for spec in specs}


def _given_twice(given: Mapping[str, Mapping[str, MetricSpec] | None]) -> Iterator[str]:
    """Two scorers of one metric: the table has one column for it."""
    first: dict[str, str] = {}
    clashes: dict[tuple[str, str], list[str]] = {}
    for model, metrics in given.items():
        for name in metrics or ():
            if name in first:
                clashes.setdefault((first[name], model), []).append(name)
            first.setdefault(name, model)
    for (one, other), names in clashes.items():
        yield f"scoring.scorers: {one} and {other} both give {', '.join(names)}; keep one of them"


def _no_scorer(name: str, known: Mapping[str, MetricSpec], parameters: Parameters) -> str:
    """Why nobody gives a metric: a misspelt name, a scorer that is not configured, or one of whole sets."""
    others = [
        model
        for model, spec in parameters.models.items()
        if model not in parameters.scoring.scorers and name in _names(parameters, model)
    ]
    if parameters.scoring.set_scorer in others:
        return f"{parameters.scoring.set_scorer} gives it for all clips of a variant, not for a clip; remove it"
    if others:
        return f"no model under scoring.scorers gives this metric; add {' or '.join(others)} there, or set the weight to 0"
    return f"no scorer gives this metric; {advice(name, known)}"


def _names(parameters: Parameters, model: str) -> set[str]:
    spec = parameters.models[model]
    if absent_class(spec.type) or not (
        has_method(spec.type, "score") or has_method(spec.type, "score_set")
    ):
        return set()
    return set(metrics_of(parameters, model) or ())

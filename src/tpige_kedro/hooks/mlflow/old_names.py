"""Adds today's metric names to runs that were logged with earlier names, so that one chart shows all.

``python -m tpige_kedro.hooks.mlflow.old_names sqlite:///mlflow.db`` adds metrics and tags; what is there stays.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tpige_kedro.hooks.mlflow.client import settle
from tpige_kedro.hooks.mlflow.numbers import FIRST, metric_name
from tpige_kedro.hooks.mlflow.pages import ORDER, in_order
from tpige_kedro.hooks.mlflow.uri import with_home

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

EARLIER = {"mean/": "", "selection/": "", "work/": "work."}


def renamed(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics with earlier names, by today's; those that exist already are left out.

    >>> renamed(
    ...     {"mean/overall": 0.6, "work/scoring.done": 8, "uncertainty/overall.low": 0.5, "loss": 1}
    ... )
    {'Overall': 0.6, 'work.scoring.done': 8}
    """
    found = {
        today + _with_first(name.removeprefix(earlier)): value
        for name, value in metrics.items()
        for earlier, today in EARLIER.items()
        if name.startswith(earlier)
    }
    return {name: value for name, value in found.items() if name not in metrics}


def _with_first(name: str) -> str:
    """The name of a mean, or that of a row of the selection, ``moe.overall``."""
    row, dot, metric = name.rpartition(".")
    return f"{row}{dot}{metric_name(metric)}"


def rename_store(client: MlflowClient) -> int:
    """Add today's names to all runs of all experiments; how many runs had earlier ones only."""
    from mlflow.entities import Metric

    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = _all_runs(client, experiments)
    changed = 0
    for run in runs:
        if added := renamed(run.data.metrics):
            at = run.info.end_time or run.info.start_time
            log = [Metric(name, value, at, 0) for name, value in added.items()]
            client.log_batch(run.info.run_id, metrics=log)
            changed += 1
    _number(client, runs)
    return changed


def _all_runs(client: MlflowClient, experiments: list[str]) -> list[Run]:
    found: list[Run] = []
    page = client.search_runs(experiments, max_results=1000)
    found += page
    while page.token:
        page = client.search_runs(experiments, max_results=1000, page_token=page.token)
        found += page
    return found


def _number(client: MlflowClient, runs: list[Run]) -> None:
    """Tag the variants of each parent with their place on the chart page, where they have none."""
    baselines = {run.info.run_id: run.data.params.get("moe.baseline") for run in runs}
    families: dict[str, dict[str, Any]] = {}
    for run in runs:
        parent, variant = (run.data.tags.get(name) for name in ("mlflow.parentRunId", "variant"))
        if parent and variant and ORDER not in run.data.tags:
            families.setdefault(parent, {})[variant] = run
    for parent, children in families.items():
        overall = {
            name: {**run.data.metrics, **renamed(run.data.metrics)}.get(FIRST, float("nan"))
            for name, run in children.items()
        }
        for place, name in enumerate(in_order(children, overall, baselines.get(parent))):
            client.set_tag(children[name].info.run_id, ORDER, f"{place:03}")


def main() -> None:
    """See the module's first lines."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m tpige_kedro.hooks.mlflow.old_names TRACKING_URI")
    settle()
    from mlflow import MlflowClient

    changed = rename_store(MlflowClient(with_home(sys.argv[1])))
    click.echo(
        f"{changed} run{'' if changed == 1 else 's'} had earlier names, and got today's beside them"
    )


if __name__ == "__main__":
    main()

"""Runs that were logged with earlier names of metrics, in one chart with those of today."""

from __future__ import annotations

from pathlib import Path

from mlflow.entities import Metric

from mlflow_store import Store
from tpige_kedro.hooks.mlflow.client import settle
from tpige_kedro.hooks.mlflow.old_names import rename_store

OLD = {"vace": 0.5, "a": 0.7, "b": 0.6}


def test_old_runs_get_todays_names_and_keep_theirs(empty_store: Path, tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_bytes(empty_store.read_bytes())
    settle()
    store = Store(file)
    client = store.client
    experiment = client.create_experiment("tests")
    parent = client.create_run(experiment).info.run_id
    client.log_param(parent, "moe.baseline", "vace")
    client.log_batch(parent, [Metric("mean/moe.overall", 0.8, 0, 0)])
    for name, value in OLD.items():
        run = client.create_run(experiment, tags={"mlflow.parentRunId": parent, "variant": name})
        names = {"mean/overall": value, "uncertainty/overall.low": 0.1, "selection/wins": 2}
        client.log_batch(run.info.run_id, [Metric(k, v, 0, 0) for k, v in names.items()])
    assert rename_store(client) == 4
    assert rename_store(client) == 0, "a second time there is nothing to do"
    children = store.children(client.get_run(parent))
    assert client.get_run(parent).data.metrics["moe.Overall"] == 0.8
    for name, value in OLD.items():
        metrics = children[name].data.metrics
        assert (metrics["Overall"], metrics["mean/overall"], metrics["wins"]) == (value, value, 2)
    places = sorted(children, key=lambda name: children[name].data.tags["tpige.order"])
    assert places == ["vace", "a", "b"]

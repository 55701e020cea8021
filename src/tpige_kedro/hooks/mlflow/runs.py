"""Runs of MLflow: where they are kept, how they are opened, written to and closed. Nothing here is global state."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from PIL import Image

from tpige_kedro import __version__
from tpige_kedro.execution.lock import store_lock
from tpige_kedro.hooks.mlflow.client import GuardedClient, settle
from tpige_kedro.hooks.mlflow.outage import check_uri, sqlite_file
from tpige_kedro.hooks.mlflow.pages import run_label
from tpige_kedro.hooks.mlflow.settings import MlflowSettings, tracking_uri
from tpige_kedro.hooks.outcome import in_their_order
from tpige_kedro.models import why_skipped
from tpige_kedro.provenance import environment
from tpige_kedro.schemas import Parameters

if TYPE_CHECKING:
    pass

MAX_BATCH = 100  # parameters in one request
MAX_VALUE = 6000  # characters of a parameter


def connect(settings: MlflowSettings, project: Path) -> tuple[GuardedClient, str]:
    """A client of the tracking store, and the id of the experiment, which is made if it is new.

    Raises:
        MlflowAway: the store cannot be used, or somebody deleted the experiment.
    """
    settle()
    uri = tracking_uri(settings, project)
    with creation_lock(uri):
        check_uri(uri)
        client = GuardedClient(uri)
        experiment = client.experiment(settings.experiment, artifact_location(uri))
    if experiment.lifecycle_stage != "active":
        raise client.fail(
            f"the experiment {settings.experiment} was deleted",
            f"restore it (mlflow experiments restore --experiment-id {experiment.experiment_id}), or set another name in mlflow.yml",
        )
    return client, str(experiment.experiment_id)


def creation_lock(uri: str) -> AbstractContextManager[None]:
    """Two first runs must not create one SQLite file at the same time: their migrations would destroy it."""
    file = sqlite_file(uri)
    if file is None or not file.parent.is_dir():
        return nullcontext()
    return store_lock(file)


def artifact_location(uri: str) -> str | None:
    """Beside a SQLite file; MLflow would put artifacts below the working directory. A server decides itself."""
    file = sqlite_file(uri)
    return None if file is None else (file.parent / "mlartifacts").resolve().as_uri()


def close_abandoned(client: GuardedClient, experiment: str) -> None:
    """Close as KILLED what processes of this machine left open that no longer exist."""
    query = f"attributes.status = 'RUNNING' and tags.`tpige.host` = '{socket.gethostname()}'"
    for run in client.search_runs([experiment], query):
        if not Path("/proc", run.data.tags["tpige.pid"]).exists() and Path("/proc").is_dir():
            client.set_terminated(run.info.run_id, "KILLED")


class RunLog:
    """A parent run and its children, one per variant."""

    def __init__(
        self,
        client: GuardedClient,
        experiment: str,
        pipelines: list[str] | None,
        tags: Mapping[str, str],
        setting: str = "",
    ) -> None:
        self.client = client
        self.experiment = experiment
        self.name = "+".join(in_their_order(pipelines or ["full"]))
        self.label = run_label(datetime.now(), setting)
        self.tags = {
            "tpige.version": __version__,
            "tpige.host": socket.gethostname(),
            "tpige.pid": str(os.getpid()),
            "kedro.pipelines": self.name,
            **tags,
            "mlflow.source.name": "kedro run",
            "mlflow.source.type": "LOCAL",
            **git_commit(),
        }
        self.parent = ""
        self.children: dict[str, str] = {}
        self.tables: dict[str, list[dict[str, str]]] = {}

    def open_parent(self, parameters: Parameters) -> None:
        """Open the run of the whole command, with all parameters."""
        run = self.client.create_run(
            self.experiment, tags=self.tags, run_name=f"{self.name} {self.label}"
        )
        self.parent = run.info.run_id
        self.log_params(
            self.parent, flatten(parameters.model_dump(mode="json", exclude={"mlflow"}))
        )

    def open_variant(self, name: str, parameters: Parameters) -> None:
        """Open the run of one variant, with its options and its generator's."""
        variant = parameters.variants[name]
        model = parameters.models[variant.generator]
        tags = {
            **self.tags,
            "mlflow.parentRunId": self.parent,
            "variant": name,
            **variant_status(name, parameters),
        }
        run = self.client.create_run(self.experiment, tags=tags, run_name=f"{name} {self.label}")
        self.children[name] = run.info.run_id
        options = {**variant.model_dump(mode="json"), "model": model.model_dump(mode="json")}
        self.log_params(run.info.run_id, {"seed": parameters.seed, **flatten(options)})

    def log_params(self, run: str, values: Mapping[str, Any]) -> None:
        """Log parameters, cut to the length that MLflow keeps."""
        from mlflow.entities import Param

        params = [Param(key, str(value)[:MAX_VALUE]) for key, value in values.items()]
        for start in range(0, len(params), MAX_BATCH):
            self.client.log_batch(run, params=params[start : start + MAX_BATCH])

    def log_metrics(self, run: str, values: Mapping[str, float]) -> None:
        """Log metrics; missing ones (NaN) are left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        present = {key: float(value) for key, value in values.items() if not pd.isna(value)}
        self.client.log_batch(run, metrics=[Metric(k, v, now, 0) for k, v in present.items()])

    def log_table_text(self, run: str, data: str, name: str) -> None:
        """Log a table, and say so where MLflow's pages look for tables."""
        self.client.log_text(run, data, name)
        self.tables.setdefault(run, []).append({"path": name, "type": "table"})
        self.tag(run, "mlflow.loggedArtifacts", json.dumps(self.tables[run]))

    def log_picture(self, run: str, picture: Image.Image, name: str) -> None:
        """Log a picture as a PNG artifact."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, Path(name).name)
            picture.save(
                file, compress_level=1
            )  # four times faster than the default, a little larger
            self.log_file(run, file, name)

    def log_file(self, run: str, file: Path, name: str) -> None:
        """Log a file as the artifact ``name``, which may lie in a folder."""
        place = Path(name)
        folder = None if place.parent == Path() else place.parent.as_posix()
        if file.name == place.name:
            self.client.log_artifact(run, str(file), folder)
            return
        with tempfile.TemporaryDirectory() as scratch:
            renamed = shutil.copyfile(file, Path(scratch, place.name))
            self.client.log_artifact(run, str(renamed), folder)

    def tag(self, run: str, key: str, value: str) -> None:
        """Set a tag."""
        self.client.set_tag(run, key, value)

    def describe(self, run: str, text: str) -> None:
        """Set what MLflow's page of a run shows as its description."""
        self.tag(run, "mlflow.note.content", text[:MAX_VALUE])

    def note_error(self, error: BaseException) -> None:
        """Put the error that ended the run where the UI shows it."""
        self.tag(self.parent, "error", f"{type(error).__name__}: {error}"[:MAX_VALUE])

    def close_all(self, parent: str, children: Mapping[str, str] | None = None) -> None:
        """End everything that is open: the parent, and the children like it if not said otherwise.

        Where the store has failed, each is tried once and shortly until one cannot be closed: the store may refuse artifacts only.
        """
        status = {run: (children or {}).get(name, parent) for name, run in self.children.items()}
        for run, ended in {**status, self.parent: parent}.items():
            if self.client.problem is None:
                self.client.set_terminated(run, ended)
            elif not run or not self.client.attempt("set_terminated", run, ended):
                return


def variant_status(name: str, parameters: Parameters) -> dict[str, str]:
    """Whether a variant can be made, and why not, as tags."""
    if reason := why_skipped(parameters.variants[name], parameters.models):
        return {"variant.status": "skipped", "variant.reason": reason[:MAX_VALUE]}
    return {"variant.status": "ready"}


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as ``a.b.c`` keys; lists as JSON text."""
    return dict(_flat_items(values, prefix))


def _flat_items(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat_items(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value) if isinstance(value, list | dict) else value


def git_commit() -> dict[str, str]:
    """The commit of the project as MLflow's tag, if it is a git checkout."""
    commit = environment()["commit"]
    return {} if commit == "unknown" else {"mlflow.source.git.commit": str(commit)}

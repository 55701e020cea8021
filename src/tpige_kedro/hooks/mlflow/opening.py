"""How the runs of one ``kedro run`` are opened, and whether they have to be: not if the latest run showed the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from kedro.pipeline import Pipeline

from tpige_kedro.hooks.failures import REPORT
from tpige_kedro.hooks.mlflow.latest import (
    Latest,
    local_file,
    mark_of_setting,
    parse_latest,
    sqlite_has,
)
from tpige_kedro.hooks.mlflow.pages import how_to_look, setting_in_words
from tpige_kedro.hooks.mlflow.results import TRAINING
from tpige_kedro.hooks.mlflow.runs import RunLog, close_abandoned, connect, variant_status
from tpige_kedro.hooks.mlflow.settings import MlflowSettings, tracking_uri
from tpige_kedro.hooks.mlflow.traces import Traces, asks_service
from tpige_kedro.schemas import Parameters


@dataclass(frozen=True)
class Opening:
    """A parent run and a child for every variant that ``pipeline`` touches, before they are opened."""

    settings: MlflowSettings
    parameters: Parameters
    project: Path
    data_root: Path
    env: str
    pipeline: Pipeline
    names: list[str] | None  # of pipelines
    runtime_params: Mapping[str, Any] | None = None  # of the command line

    @property
    def uri(self) -> str:
        """Where runs are logged."""
        return tracking_uri(self.settings, self.project)

    @property
    def tags(self) -> dict[str, str]:
        """What the runs are found by."""
        return {"kedro.env": self.env, "tpige.data_root": str(self.data_root.resolve())}

    @property
    def variants(self) -> list[str]:
        """All variants, if the pipeline makes, scores, compares or reports their clips."""
        made = self.pipeline.all_outputs()
        touched = made | (self.pipeline.inputs() if REPORT in made else set())
        shows = {"clips", "clip_scores", "statistics"} & touched
        return list(self.parameters.variants) if shows else []

    @property
    def setting(self) -> str:
        """A hash of everything that these runs show apart from results."""
        status = {
            f"{name}: {key}": value
            for name in self.parameters.variants
            for key, value in variant_status(name, self.parameters).items()
        }
        return mark_of_setting(self.uri, self.settings, self.parameters, self.tags | status)

    def latest(self, found: object) -> Latest | None:
        """The latest run, ``found`` below ``data_root``, if it was logged as these are, and MLflow still has it.

        Raises:
            MlflowAway: MLflow has to be asked, and cannot be used.
        """
        latest = parse_latest(found)
        if latest is None or latest.setting != self.setting:
            return None
        if TRAINING in self.pipeline.all_outputs():  # not made item by item: it is work anyhow
            return None
        return latest if self._has_runs(latest) else None

    def _has_runs(self, latest: Latest) -> bool:
        file = local_file(self.uri, self.settings)
        if file is not None:
            return sqlite_has(file, self.settings.experiment, latest.runs)
        client, _ = connect(self.settings, self.project)
        return all(client.has_run(run) for run in latest.runs)

    def log(self) -> RunLog:
        """A log without runs; what processes that are gone left open is closed.

        Raises:
            MlflowAway: MLflow cannot be used.
        """
        client, experiment = connect(self.settings, self.project)
        close_abandoned(client, experiment)
        setting = setting_in_words(self.env, self.runtime_params)
        return RunLog(client, experiment, self.names, self.tags, setting)

    def how_to_look(self, log: RunLog) -> str:
        """How to see the run of ``log`` in a browser."""
        return how_to_look(self.uri, log.experiment, log.parent, bool(log.children))

    def traces(self, log: RunLog) -> Traces | None:
        """Traces of requests to language models, linked to the parent run; None if no service is used."""
        if not asks_service(self.pipeline, self.parameters):
            return None
        make = partial(Traces, log.client.tracking_uri, log.experiment, log.parent)
        return cast(Traces, log.client.call(make))


def how_to_log_later(pipeline: Pipeline) -> str:
    """The command that sends what is on disk: the report's, where it has all that it needs."""
    if REPORT in pipeline.all_outputs():
        return "the same command with --pipelines=reporting"
    return "the same command, run again,"

"""Logs each run to MLflow: one parent, one child per variant, closed as what they were."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from tpige_kedro.execution.stopping import when_stopped
from tpige_kedro.execution.tally import tallies
from tpige_kedro.hooks.failures import failures_of_run, first_cause, variant_of
from tpige_kedro.hooks.lock import data_root_of
from tpige_kedro.hooks.mlflow_artifacts import Ledger
from tpige_kedro.hooks.mlflow_results import Results, log_parent, log_variant
from tpige_kedro.hooks.mlflow_runs import MlflowSettings, RunLog, close_abandoned, connect
from tpige_kedro.hooks.mlflow_traces import Traces, asks_service
from tpige_kedro.hooks.parameters import parse_parameters

logger = logging.getLogger(__name__)

LEDGER = "08_reporting/mlflow_artifacts.json"  # below data_root


class MlflowHooks:
    """Opens the runs when parameters and inputs were found good, and logs what was saved when all is done."""

    def __init__(self) -> None:
        self.log: RunLog | None = None
        self.saved: set[str] = set()
        self.traces: Traces | None = None

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Read ``mlflow.yml`` and the parameters."""
        self.settings = MlflowSettings.model_validate(context.config_loader["mlflow"])
        self.parameters = parse_parameters(context.config_loader["parameters"])
        self.project = Path(context.project_path)
        self.data_root = data_root_of(context)
        self.env = context.env or "local"

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Open the parent run, and a child for every variant that this run touches."""
        self.log, self.saved, self.traces = None, set(), None
        if not self.settings.enabled:
            return
        client, experiment = connect(self.settings, self.project)
        close_abandoned(client, experiment)
        tags = {"kedro.env": self.env, "tpige.data_root": str(self.data_root.resolve())}
        self.log = RunLog(client, experiment, run_params["pipeline_names"], tags)
        self.drop = when_stopped(self._kill)
        self.log.open_parent(self.parameters)
        if asks_service(pipeline, self.parameters):
            self.traces = Traces(client.tracking_uri, experiment, self.log.parent)
        for name in self._variants_in(pipeline):
            self.log.open_variant(name, self.parameters)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Clips are saved one by one: those that were finished before an error count."""
        if dataset_name == "clips":
            self.saved.add(dataset_name)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Remember what this run saved: only that is logged."""
        self.saved.add(dataset_name)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: Any) -> None:
        """Log all results; with more failures than allowed, the run and the variants that have them are FAILED."""
        if self.log is None:
            return
        self._log_results(pipeline, catalog)
        failures = failures_of_run(pipeline, catalog)
        too_many = len(failures) > self.parameters.execution.max_failures
        failed = {variant_of(failure) for failure in failures} if too_many else set()
        for name in self.log.children:
            self.log.close_variant(name, "FAILED" if name in failed else "FINISHED")
        self.log.close_parent("FAILED" if too_many else "FINISHED")
        self._ended()

    @hook_impl
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline, catalog: Any) -> None:
        """Log what was finished before the error; FAILED where it happened, KILLED what never came to its turn."""
        if self.log is None:
            return
        try:
            self.log.note_error(first_cause(error))
            self._log_results(pipeline, catalog)
        except Exception:  # e.g. the disk is full here too: the first error is the one to show
            logger.exception("MLflow could not be told about this error")
            return  # the next run closes what stays open
        unfinished = [t.label.rpartition(".")[2] for t in tallies() if t.unfinished]
        for name in self.log.children:
            first = bool(unfinished) and unfinished[0] == name
            never_made = not any(t.label.endswith(f".{name}") for t in tallies())
            ended = "KILLED" if name in unfinished or never_made else "FINISHED"
            self.log.close_variant(name, "FAILED" if first else ended)
        self.log.close_parent("FAILED")
        self._ended()

    def _variants_in(self, pipeline: Pipeline) -> list[str]:
        """All variants, if the pipeline makes, scores or compares their clips."""
        touched = {"clips", "clip_scores", "variant_summary"} & pipeline.all_outputs()
        return list(self.parameters.variants) if touched else []

    def _log_results(self, pipeline: Pipeline, catalog: Any) -> None:
        assert self.log is not None
        self._stop_traces()
        store = self.data_root / LEDGER
        ledger = Ledger(store, self.log.client.tracking_uri, self.log.experiment)
        results = Results(frozenset(self.saved), catalog, self.settings)
        log_parent(self.log, results, failures_of_run(pipeline, catalog), ledger)
        for name in self.log.children:
            log_variant(self.log, name, results, ledger)
        ledger.save()

    def _ended(self) -> None:
        self.drop()
        self.log = None

    def _stop_traces(self) -> None:
        if self.traces is not None:
            self.traces.stop()
            self.traces = None

    def _kill(self) -> None:
        """The run was stopped by a signal: nothing stays open."""
        if self.log is not None:
            self._stop_traces()
            self.log.kill()
            self.log = None

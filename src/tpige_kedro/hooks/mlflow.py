"""Tells MLflow about each run: one parent, one child per variant, closed as what they were."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from tpige_kedro.hooks.failures import failures_of_run, variant_of
from tpige_kedro.hooks.mlflow_results import log_parent, log_variant
from tpige_kedro.hooks.mlflow_runs import MlflowSettings, RunLog, close_abandoned, connect
from tpige_kedro.hooks.mlflow_traces import Traces, asks_service
from tpige_kedro.hooks.parameters import parse_parameters

logger = logging.getLogger(__name__)


class MlflowHooks:
    """Opens the runs when parameters and inputs were found good, and logs what was saved when all is done."""

    def __init__(self) -> None:
        self.log: RunLog | None = None
        self.saved: set[str] = set()
        self.started: list[Node] = []
        self.traces: Traces | None = None

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Read ``mlflow.yml`` and the parameters."""
        self.settings = MlflowSettings.model_validate(context.config_loader["mlflow"])
        self.parameters = parse_parameters(context.config_loader["parameters"])
        self.project = Path(context.project_path)
        self.env = context.env or "local"

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Open the parent run, and a child for every variant that this run touches."""
        self.log, self.saved, self.started = None, set(), []
        self.traces = None
        if not self.settings.enabled:
            return
        client, experiment = connect(self.settings, self.project)
        close_abandoned(client, experiment)
        self.log = RunLog(client, experiment, run_params["pipeline_names"], self.env)
        self.log.open_parent(self.parameters)
        if asks_service(pipeline, self.parameters):
            self.traces = Traces(client.tracking_uri, experiment, self.log.parent)
        for name in self._variants_in(pipeline):
            self.log.open_variant(name, self.parameters)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Remember which nodes began: the last one is where an error happened, even in a streaming node."""
        self.started.append(node)

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

    @hook_impl
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline, catalog: Any) -> None:
        """Log what was finished before the error; FAILED where it happened, KILLED what never came to its turn."""
        if self.log is None:
            return
        try:
            self.log.note_error(error)
            self._log_results(pipeline, catalog)
        except Exception:  # e.g. the disk is full here too: the first error is the one to show
            logger.exception("MLflow could not be told about this error")
            return  # the next run closes what stays open
        *finished, last = self.started or [None]
        for name in self.log.children:
            mine = {node for node in pipeline.nodes if name in node.tags}
            ended = "FINISHED" if mine and mine <= set(finished) else "KILLED"
            self.log.close_variant(name, "FAILED" if last in mine else ended)
        self.log.close_parent("FAILED")

    def _variants_in(self, pipeline: Pipeline) -> list[str]:
        """Variants with nodes of their own in the pipeline, or all if it compares them."""
        tags = {tag for node in pipeline.nodes for tag in node.tags}
        compares = "variant_summary" in pipeline.all_outputs()
        return [name for name in self.parameters.variants if name in tags or compares]

    def _log_results(self, pipeline: Pipeline, catalog: Any) -> None:
        assert self.log is not None
        if self.traces is not None:
            self.traces.stop()
            self.traces = None
        log_parent(self.log, self.saved, failures_of_run(pipeline, catalog), catalog, self.settings)
        for name in self.log.children:
            log_variant(self.log, name, self.saved, catalog, self.settings)

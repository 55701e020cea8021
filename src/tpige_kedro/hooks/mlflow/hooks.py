"""Logs each run to MLflow: one parent, one child per variant, closed as what they were. It never costs a result.

Whatever happens to MLflow is one sentence with the remedy; the run goes on without it and ends as it would have ended. With
``required: true`` in ``mlflow.yml``, that sentence is an error: before the first node, or after everything is saved.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError
from kedro.pipeline import Pipeline

from tpige_kedro.errors import TpigeError, first_line
from tpige_kedro.execution.stopping import when_stopped
from tpige_kedro.execution.tally import tallies
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.failures import REPORT, failures_of_run, first_cause, variant_of
from tpige_kedro.hooks.lock import data_root_of
from tpige_kedro.hooks.mlflow.artifacts import Ledger
from tpige_kedro.hooks.mlflow.client import Quiet
from tpige_kedro.hooks.mlflow.outage import outage
from tpige_kedro.hooks.mlflow.results import (
    Results,
    log_numbers,
    parent_artifacts,
    shown_names,
    variant_artifacts,
)
from tpige_kedro.hooks.mlflow.runs import RunLog, close_abandoned, connect
from tpige_kedro.hooks.mlflow.settings import parse_settings, tracking_uri
from tpige_kedro.hooks.mlflow.traces import Traces, asks_service
from tpige_kedro.hooks.parameters import parse_parameters

logger = logging.getLogger(__name__)

LEDGER = "08_reporting/mlflow_artifacts.json"  # below data_root


class MlflowHooks:
    """Opens the runs when parameters and inputs were found good, and logs what was saved when all is done."""

    def __init__(self) -> None:
        self.log: RunLog | None = None
        self.saved: set[str] = set()
        self.traces: Traces | None = None
        self.quiet: Quiet | None = None
        self.problems: list[str] = []  # why this run is not logged, or a part of it

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Read ``mlflow.yml`` and the parameters."""
        self.parameters = parse_parameters(context.config_loader["parameters"])
        self.settings = parse_settings(context.config_loader["mlflow"], self.parameters)
        self.project = Path(context.project_path)
        self.data_root = data_root_of(context)
        self.env = context.env or "local"

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Any
    ) -> None:
        """Open the parent run, and a child for every variant that this run touches.

        Raises:
            RunStopped: MLflow cannot be used, and is required.
        """
        self._forget()
        self.saved, self.problems = set(), []
        known = {name: catalog.get(f"params:{name}").load() for name in ("models", "variants")}
        self.parameters = self.parameters.model_copy(update=known)  # with what is skipped
        if not self.settings.enabled:
            return
        self.later = how_to_log_later(pipeline)
        self.quiet = Quiet(tracking_uri(self.settings, self.project), self._trace_failed)
        try:
            self._open(run_params, pipeline)
        except (TpigeError, OSError) as error:
            self._close_what_was_opened()
            if self.settings.required:
                raise RunStopped(
                    f"{first_line(error)}; nothing was started, because mlflow.required is set"
                ) from error
            self._say(first_line(error), f"this run is not logged: {self.later} logs it")

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
        log, consequence = self.log, f"the results are saved: {self.later} logs them"
        with self._costs_nothing(consequence):
            self._log_results(log, pipeline, catalog)
        with self._costs_nothing(consequence):
            failures = failures_of_run(pipeline, catalog)
            too_many = len(failures) > self.parameters.execution.max_failures
            failed = {variant_of(failure) for failure in failures} if too_many else set()
            children = {name: "FAILED" if name in failed else "FINISHED" for name in log.children}
            log.close_all("FAILED" if too_many else "FINISHED", children)
        self._forget()

    @hook_impl
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline, catalog: Any) -> None:
        """Log what was finished before the error; FAILED where it happened, KILLED what never came to its turn."""
        if self.log is None:
            return
        log, consequence = self.log, "MLflow could not be told about the error of this run"
        with self._costs_nothing(consequence):
            log.note_error(first_cause(error))
            self._log_results(log, pipeline, catalog)
        with self._costs_nothing(consequence):
            log.close_all("FAILED", ends_of_variants(log.children))
        self._forget()

    def _open(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        client, experiment = connect(self.settings, self.project)
        close_abandoned(client, experiment)
        tags = {"kedro.env": self.env, "tpige.data_root": str(self.data_root.resolve())}
        self.log = RunLog(client, experiment, run_params["pipeline_names"], tags)
        self.drop = when_stopped(self._kill)
        self.log.open_parent(self.parameters)
        if asks_service(pipeline, self.parameters):
            make = partial(Traces, client.tracking_uri, experiment, self.log.parent)
            self.traces = client.call(make)
        for name in self._variants_in(pipeline):
            self.log.open_variant(name, self.parameters)

    def _variants_in(self, pipeline: Pipeline) -> list[str]:
        """All variants, if the pipeline makes, scores, compares or reports their clips."""
        made = pipeline.all_outputs()
        touched = made | (pipeline.inputs() if REPORT in made else set())
        shows = {"clips", "clip_scores", "variant_summary"} & touched
        return list(self.parameters.variants) if shows else []

    def _log_results(self, log: RunLog, pipeline: Pipeline, catalog: Any) -> None:
        """The numbers of all runs, then their files, which may be kept elsewhere than the numbers."""
        self._stop_traces()
        failures = failures_of_run(pipeline, catalog)
        names = shown_names(self.saved, pipeline, catalog)
        results = Results(names, catalog, self.settings)
        log_numbers(log, results)
        store = self.data_root / LEDGER
        ledger = Ledger(store, log.client.tracking_uri, log.experiment)
        try:
            ledger.publish(log, "", log.parent, list(parent_artifacts(results, failures)))
            for name, run in log.children.items():
                ledger.publish(log, name, run, list(variant_artifacts(name, results)))
        finally:
            ledger.save()

    @contextmanager
    def _costs_nothing(self, consequence: str) -> Iterator[None]:
        """What goes wrong with MLflow is one line, once; a defect of ours is shown as one. The run goes on."""
        try:
            yield
        except (TpigeError, DatasetError, OSError) as error:
            logger.debug("MLflow", exc_info=True)
            self._say(first_line(error), consequence)
        except Exception:
            logger.exception("MLflow could not be told about this run, by a defect of this program")
            self.problems.append("there is a defect in what is logged")

    def _say(self, problem: str, consequence: str) -> None:
        """Warn once."""
        if (line := f"{problem}; {consequence}") not in self.problems:
            self.problems.append(line)
            logger.warning("%s", line)

    def _trace_failed(self, text: str) -> None:
        """The store went away while language models were asked: none of it is traced any more."""
        if self.traces is not None and not self.traces.given_up:
            self.traces.give_up()
            problem = outage(RuntimeError(text), tracking_uri(self.settings, self.project))
            self._say(str(problem), "requests to language models are not traced any more")

    def _close_what_was_opened(self) -> None:
        if self.log is not None:
            with self._costs_nothing("its run stays open"):
                self.log.close_all("KILLED")
        self._forget()

    def _forget(self) -> None:
        """Nothing of an earlier run stays open."""
        if self.log is not None:
            self.drop()
            self._stop_traces()
        if self.quiet is not None:
            self.quiet.stop()  # unless a thread was left behind
        self.log = self.quiet = None

    def _stop_traces(self) -> None:
        if self.traces is not None:
            traces, self.traces = self.traces, None
            try:
                traces.stop()
            except TimeoutError:
                self._say("MLflow takes too long to write traces", "the last ones are missing")

    def _kill(self) -> None:
        """The run was stopped by a signal: nothing stays open."""
        if self.log is not None:
            log, self.log = self.log, None
            self._stop_traces()
            log.close_all("KILLED")


def how_to_log_later(pipeline: Pipeline) -> str:
    """The command that sends what is on disk: the report's, where it has all that it needs."""
    if REPORT in pipeline.all_outputs():
        return "the same command with --pipelines=reporting"
    return "the same command, run again,"


def ends_of_variants(names: Iterable[str]) -> dict[str, str]:
    """How the run of each variant ended, if the whole ended with an error."""
    unfinished = [t.label.rpartition(".")[2] for t in tallies() if t.unfinished]
    ends = {}
    for name in names:
        first = bool(unfinished) and unfinished[0] == name
        never_made = not any(t.label.endswith(f".{name}") for t in tallies())
        ended = "KILLED" if name in unfinished or never_made else "FINISHED"
        ends[name] = "FAILED" if first else ended
    return ends

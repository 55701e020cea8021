"""Logs each run to MLflow: one parent, one child per variant, closed as what they were. It never costs a result.

A run is opened when there is something to log: at the start, unless the latest run has the same setting and showed everything; then
when a stage has something to do, when results differ at the end, at an error, at a stop; or never. See :mod:`.latest`.

Whatever happens to MLflow is one sentence with the remedy; the run goes on without it and ends as it would have ended. With
``required: true`` in ``mlflow.yml``, that sentence is an error: before the first node, or after everything is saved.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError
from kedro.pipeline import Pipeline

from tpige_kedro.errors import TpigeError, first_line
from tpige_kedro.execution.stopping import when_stopped
from tpige_kedro.execution.tally import tallies, when_work_begins
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.failures import Failure, failures_of_run, first_cause, variant_of
from tpige_kedro.hooks.lock import data_root_of
from tpige_kedro.hooks.mlflow.artifacts import Ledger
from tpige_kedro.hooks.mlflow.client import Quiet
from tpige_kedro.hooks.mlflow.latest import Latest, mark_of_failures, marks_of
from tpige_kedro.hooks.mlflow.opening import Opening, how_to_log_later
from tpige_kedro.hooks.mlflow.outage import outage
from tpige_kedro.hooks.mlflow.results import (
    Results,
    log_numbers,
    parent_artifacts,
    shown_names,
    variant_artifacts,
)
from tpige_kedro.hooks.mlflow.runs import RunLog
from tpige_kedro.hooks.mlflow.settings import parse_settings, tracking_uri
from tpige_kedro.hooks.mlflow.traces import Traces
from tpige_kedro.hooks.outcome import outcome_of_run
from tpige_kedro.hooks.parameters import parse_parameters

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog

logger = logging.getLogger(__name__)

LEDGER = "08_reporting/mlflow_artifacts.json"  # below data_root


class MlflowHooks:
    """Opens the runs when parameters and inputs were found good, and logs what was saved when all is done."""

    opening: Opening
    ledger: Ledger

    def __init__(self) -> None:
        self.log: RunLog | None = None
        self.saved: set[str] = set()
        self.traces: Traces | None = None
        self.quiet: Quiet | None = None
        self.problems: list[str] = []  # why this run is not logged, or a part of it
        self.latest: Latest | None = None  # as long as this run shows nothing that it did not show
        self.drops: list[Callable[[], None]] = []
        self.guard = threading.Lock()  # stages may begin in several threads

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read ``mlflow.yml`` and the parameters."""
        self.parameters = parse_parameters(context.config_loader["parameters"])
        self.settings = parse_settings(context.config_loader["mlflow"], self.parameters)
        self.project = Path(context.project_path)
        self.data_root = data_root_of(context)
        self.env = context.env or "local"

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the parent run, and a child for every variant that this run touches, unless there may be nothing to log.

        Raises:
            RunStopped: MLflow cannot be used, and is required.
        """
        self._forget()
        self.saved, self.problems = set(), []
        known = {name: catalog[f"params:{name}"].load() for name in ("models", "variants")}
        self.parameters = self.parameters.model_copy(update=known)  # with what is skipped
        if not self.settings.enabled:
            return
        self.later = how_to_log_later(pipeline)
        self.quiet = Quiet(tracking_uri(self.settings, self.project), self._trace_failed)
        self.ledger = Ledger(self.data_root / LEDGER)
        self.opening = Opening(
            self.settings,
            self.parameters,
            self.project,
            self.data_root,
            self.env,
            pipeline,
            run_params["pipeline_names"],
            run_params.get("runtime_params"),
        )
        self.drops = [when_stopped(self._kill), when_work_begins(self._open_if_waiting)]
        try:
            self.latest = self.opening.latest(self.ledger.latest)
            if self.latest is None:
                self._open()
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
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log all results; with more failures than allowed, the run and the variants that have them are FAILED."""
        if not self.settings.enabled:
            return
        consequence = f"the results are saved: {self.later} logs them"
        if self.latest is not None:
            with self._costs_nothing(consequence):
                shows = marks_of(shown_names(self.saved, pipeline, catalog), catalog)
                if self.latest.has(shows, failures_of_run(pipeline, catalog)):
                    logger.info(
                        "MLflow: nothing changed since %s, which is not logged again", self.latest
                    )
                    self._forget()
                    return
        self._open_if_waiting()
        if self.log is None:
            return
        log = self.log
        with self._costs_nothing(consequence):
            self._log_results(log, pipeline, catalog)
        with self._costs_nothing(consequence):
            failures = failures_of_run(pipeline, catalog)
            too_many = len(failures) > self.parameters.execution.max_failures
            failed = {variant_of(failure) for failure in failures} if too_many else set()
            children = {name: "FAILED" if name in failed else "FINISHED" for name in log.children}
            log.close_all("FAILED" if too_many else "FINISHED", children)
            if not self.problems:
                logger.info("MLflow: %s", self.opening.how_to_look(log))
            if not too_many and not self.problems:
                shows = marks_of(shown_names(self.saved, pipeline, catalog), catalog)
                self._remember(log, shows, failures)
        self._forget()

    @hook_impl
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log what was finished before the error; FAILED where it happened, KILLED what never came to its turn."""
        self._open_if_waiting()
        if self.log is None:
            return
        log, consequence = self.log, "MLflow could not record the error of this run"
        with self._costs_nothing(consequence):
            log.note_error(first_cause(error))
            self._log_results(log, pipeline, catalog)
        with self._costs_nothing(consequence):
            log.close_all("FAILED", ends_of_variants(log.children))
        self._forget()

    def _open(self) -> None:
        self.latest = None
        if self.ledger.latest is not None:  # until this run has ended well, there is none
            self.ledger.latest = None
            self.ledger.save()
        self.log = self.opening.log()
        self.log.open_parent(self.parameters)
        self.traces = self.opening.traces(self.log)
        for name in self.opening.variants:
            self.log.open_variant(name, self.parameters)

    def _open_if_waiting(self, wait: bool = True) -> None:
        """Open the runs now, if that was put off; ``wait`` for another thread that does so."""
        if not self.guard.acquire(blocking=wait):
            return
        try:
            if self.latest is None:
                return
            with self._costs_nothing(f"this run is not logged: {self.later} logs it"):
                self._open()
                return
            self._close_what_was_opened()
        finally:
            self.guard.release()

    def _remember(self, log: RunLog, shows: dict[str, str], failures: list[Failure]) -> None:
        """Keep what MLflow has now, for a run that changes nothing."""
        self.ledger.latest = Latest(
            run=log.parent,
            name=log.name,
            ended=f"{datetime.now():%Y-%m-%d %H:%M}",
            setting=self.opening.setting,
            failures=mark_of_failures(failures),
            shows=shows,
            runs=sorted({log.parent, *log.children.values(), *self.ledger.holders(log)}),
        ).to_json()
        self.ledger.save()

    def _log_results(self, log: RunLog, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """The numbers of all runs, then their files, which may be kept elsewhere than the numbers."""
        self._stop_traces()
        failures = failures_of_run(pipeline, catalog)
        names = shown_names(self.saved, pipeline, catalog)
        results = Results(names, catalog, self.settings)
        found = outcome_of_run(pipeline, catalog) if "statistics" in names else None
        log_numbers(log, results, found)
        try:
            self.ledger.publish(log, "", log.parent, list(parent_artifacts(results, failures)))
            for name, run in log.children.items():
                self.ledger.publish(log, name, run, list(variant_artifacts(name, results)))
        finally:
            self.ledger.save()

    @contextmanager
    def _costs_nothing(self, consequence: str) -> Iterator[None]:
        """What goes wrong with MLflow is one line, once; a defect of ours is shown as one. The run goes on."""
        try:
            yield
        except (TpigeError, DatasetError, OSError) as error:
            logger.debug("MLflow", exc_info=True)
            self._say(first_line(error), consequence)
        except Exception:
            logger.exception("MLflow could not record this run because of a defect in this program")
            self.problems.append("a defect in this program stopped the logging")

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
            self._say(str(problem), "requests to language models are no longer traced")

    def _close_what_was_opened(self) -> None:
        if self.log is not None:
            with self._costs_nothing("its run stays open"):
                self.log.close_all("KILLED")
        self._forget()

    def _forget(self) -> None:
        """Nothing of an earlier run stays open."""
        for drop in self.drops:
            drop()
        self._stop_traces()
        if self.quiet is not None:
            self.quiet.stop()  # unless a thread was left behind
        self.log = self.quiet = self.latest = None
        self.drops = []

    def _stop_traces(self) -> None:
        if self.traces is not None:
            traces, self.traces = self.traces, None
            try:
                traces.stop()
            except TimeoutError:
                self._say("MLflow takes too long to write traces", "the last ones are missing")

    def _kill(self) -> None:
        """The run was stopped by a signal: nothing stays open."""
        self._open_if_waiting(wait=False)
        if self.log is not None:
            log, self.log = self.log, None
            self._stop_traces()
            log.close_all("KILLED")


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

"""Shows what failed and why when everything else is finished, and ends the run with an error if too much failed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError
from kedro.pipeline import Pipeline

from tpige_kedro.characters import shown
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.stopping import when_stopped
from tpige_kedro.execution.tally import reset_tallies, tallies
from tpige_kedro.files.atomic import REMEDIES
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.lock import data_root_of
from tpige_kedro.hooks.outcome import in_their_order, outcome_of_run, places
from tpige_kedro.hooks.summary import summary_table
from tpige_kedro.pipelines.scoring.sets import STAGE as SETS
from tpige_kedro.vision_language.usage import reset_usage

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog

logger = logging.getLogger(__name__)

REPORT, ALL = "report", "all_failures"  # in the catalog
SHOWN = 30  # failures on the terminal, so that the result stays on the screen
WRAPPED = "Failed while saving data to dataset"  # how Kedro begins an error of its own


@dataclass(frozen=True)
class Failure:
    """One item that could not be finished in this run."""

    item: str
    stage: str
    problem: str


def variant_of(failure: Failure) -> str:
    """The variant that an item belongs to; some word that is none where it belongs to no variant."""
    return failure.item if failure.stage == SETS else failure.stage.rpartition(".")[2]


def failures_of_run(pipeline: Pipeline, catalog: DataCatalog) -> list[Failure]:
    """Samples refused at the start, then the items that failed, stage by stage."""
    found = []
    if "sample_issues" in pipeline.all_outputs() and catalog.exists("sample_issues"):
        issues = catalog.load("sample_issues")
        found = [Failure(i.sample_id, "samples", i.problem) for i in issues.itertuples()]
    for tally in tallies():
        found += [Failure(f["key"], f["stage"], f["message"]) for f in tally.failures]
    return found


def failure_table(failures: list[Failure]) -> str:
    """The failures as aligned text, one line each.

    >>> print(failure_table([Failure("\\x1b[2J", "samples", "two\\nlines")]))
      \\x1b[2J  samples  two\\nlines
    """
    rows = [(shown(f.item), shown(f.stage), shown(f.problem)) for f in failures]
    items, stages = (max(len(row[i]) for row in rows) for i in (0, 1))
    return "\n".join(f"  {item:{items}}  {stage:{stages}}  {text}" for item, stage, text in rows)


def more_failures(count: int, pipeline: Pipeline, catalog: DataCatalog) -> str:
    """How many failures are not shown, and where all are."""
    if count <= SHOWN:
        return ""
    rest = f"\n  … and {count - SHOWN:,} more"
    place = getattr(catalog[ALL], "_filepath", None) if ALL in pipeline.all_outputs() else None
    if place is None:
        return rest
    file = Path(place)
    text = file.with_suffix(".csv")
    return f"{rest}, all in {text if text.exists() else file}"


class FailureHooks:
    """Counts afresh in each run; raises last, so that tables, report and MLflow are complete by then."""

    def __init__(self) -> None:
        self.drop: Callable[[], None] = lambda: None
        self.place = ""  # where results go

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Know where results go."""
        self.place = f"; results in {data_root_of(context)}"

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Say what begins, and forget the counts of an earlier run in this process; a run that is stopped by a signal shows its own."""
        names = ", ".join(in_their_order(run_params["pipeline_names"] or ["full"]))
        env = run_params.get("env") or "local"
        logger.info("%s%s%s", names, "" if env == "local" else f" (--env={env})", self.place)
        reset_tallies()
        reset_usage()
        self.drop()
        self.drop = when_stopped(log_summary)

    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log what was done and what failed. Raises :class:`RunStopped` if more than ``execution.max_failures`` did."""
        self.drop()
        failures = failures_of_run(pipeline, catalog)
        log_summary()
        log_outcome(pipeline, catalog)
        if not failures:
            return
        table = failure_table(failures[:SHOWN]) + more_failures(len(failures), pipeline, catalog)
        allowed = catalog.load("params:execution").max_failures
        if len(failures) <= allowed:
            logger.warning(
                "%d failed, execution.max_failures allows %d:\n%s", len(failures), allowed, table
            )
            return
        raise RunStopped(
            f"{len(failures)} failed, everything else is finished and saved (execution.max_failures is {allowed}):\n{table}\n"
            "fix the cause and run the same command again; only failed items are retried"
        )

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Show what was done, and an error that the user can act on without Kedro's traceback."""
        self.drop()
        log_summary()
        logger.debug("the run was stopped", exc_info=error)
        cause = first_cause(error)
        if isinstance(cause, TpigeError | DatasetError):
            raise RunStopped(str(cause)) from error
        if isinstance(cause, OSError) and cause.errno in REMEDIES:
            raise RunStopped(disk_problem(cause)) from error
        if cause is not error:
            raise cause


def log_summary() -> None:
    """Show what each stage did, if any began."""
    if tallies():
        logger.info("this run:\n%s", summary_table())


def log_outcome(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Show what the run found, and where the report is or what comes next."""
    found = outcome_of_run(pipeline, catalog)
    lines = [*(found.lines() if found else ()), *places(pipeline, catalog)]
    if found is None:
        for line in lines:
            logger.info("%s", line)
    else:
        logger.info("the result:\n%s", "\n".join(f"  {line}" for line in lines))


def disk_problem(error: OSError) -> str:
    """What the disk refused, and what to do.

    >>> import errno
    >>> disk_problem(OSError(errno.ENOSPC, "No space left on device", "/data/a.png"))
    '/data/a.png: No space left on device; the disk is full: free some space, then run the same command again (finished items are kept)'
    """
    place = f"{error.filename}: " if error.filename else ""
    remedy = REMEDIES[error.errno or 0]
    return f"{place}{error.strerror}; {remedy}, then run the same command again (finished items are kept)"


def first_cause(error: BaseException) -> BaseException:
    """The error inside a save, which Kedro wraps in its own error; otherwise the error itself."""
    while isinstance(error, DatasetError) and WRAPPED in str(error) and error.__cause__:
        error = error.__cause__
    return error

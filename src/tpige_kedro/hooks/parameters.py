"""Checks everything that can be known before the first node runs, and hands nodes typed parameters."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro.framework.hooks import hook_impl
from pydantic import ValidationError

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.threads import limit_threads
from tpige_kedro.hooks.choosing import choose_results, summary_problems, unfolded, with_choice
from tpige_kedro.hooks.conf_files import global_problems, read_folders, unread_files
from tpige_kedro.hooks.dataset_types import type_problems
from tpige_kedro.hooks.engine import engine_problems
from tpige_kedro.hooks.environment_notes import note_environment
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.metric_names import metric_problems
from tpige_kedro.hooks.model_options import guidance_problems, option_problems, role_problems
from tpige_kedro.hooks.preflight import (
    check_data_root,
    check_inputs,
    check_models,
    check_outputs,
    check_signing,
)
from tpige_kedro.hooks.resources.check import look_at_resources
from tpige_kedro.hooks.resources.problem import listed
from tpige_kedro.hooks.skipping import report_skipped, without_missing
from tpige_kedro.hooks.validation import lines, validated
from tpige_kedro.mini.nodes import TrainMini
from tpige_kedro.schemas import ModelSpec, Parameters, with_noise

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

    from tpige_kedro.config import ProjectConfigLoader

logger = logging.getLogger(__name__)

WHERE = "correct conf/<environment>/parameters*.yml or what --params says"


def parse_parameters(raw: dict[str, Any]) -> Parameters:
    """The parameters as one typed object, checked to the options of each model's class and the metrics that its scorers give.

    Raises:
        RunStopped: names every key that is unknown, missing, or of the wrong type or range.
    """
    found, problems = None, []
    try:
        found = validated(Parameters, raw)
        problems = [*role_problems(found), *guidance_problems(found), *metric_problems(found)]
    except ValidationError as error:
        problems = lines(Parameters, error)
    except (
        TpigeError
    ) as error:  # a class that cannot be imported; option_problems says which model's
        logger.debug("%s", error)
    problems = [*problems, *option_problems(whole_specs(raw)), *train_mini_problems(raw)]
    if found is None or problems:
        text = "\n".join(f"  {_with_role(p, found)}" for p in dict.fromkeys(problems))
        raise RunStopped(f"parameters:\n{text}\n{WHERE}")
    return found


def _with_role(problem: str, parameters: Parameters | None) -> str:
    """A problem of a scorer's class says that the model is a scorer, since it is named under ``models`` only."""
    for name in parameters.scoring.scorers if parameters else ():
        problem = problem.replace(
            f"models.{name}.type: ", f"models.{name} (scoring.scorers): type "
        )
    return problem


def check_files(context: KedroContext) -> None:
    """Raise :class:`RunStopped` for configuration that would be left out in silence: misspelt file names, misspelt globals."""
    loader = context.config_loader
    folders = read_folders(Path(loader.conf_source), {"env": loader.env})
    problems = [*unread_files(folders), *global_problems(loader["globals"])]
    if problems:
        raise RunStopped("\n".join(["configuration:", *(f"  {p}" for p in problems)]))


def whole_specs(raw: dict[str, Any]) -> dict[str, ModelSpec]:
    """The models of the parameters, without those that are wrong in themselves."""
    models = raw.get("models")
    specs = {}
    for name, entry in models.items() if isinstance(models, dict) else ():
        with suppress(ValidationError):
            specs[str(name)] = validated(ModelSpec, entry)
    return specs


def train_mini_problems(raw: dict[str, Any]) -> list[str]:
    """What is wrong with ``train_mini``, which only the pipeline of that name reads."""
    try:
        validated(TrainMini, raw.get("train_mini", {}))
    except ValidationError as error:
        return lines(TrainMini, error, "train_mini")
    return []


class ParameterHooks:
    """Parses the parameters when the configuration is read, and looks at models, inputs and disks before a run."""

    parameters: Parameters

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check all parameters, before pipelines are built."""
        check_files(context)
        self.config_loader = cast("ProjectConfigLoader", context.config_loader)  # see settings.py
        raw = unfolded(context.config_loader["parameters"])
        if raw["run_variants"] is not None:
            parse_parameters({**raw, "run_variants": None})  # variants that do not run, too
        raw = with_choice(raw)
        context.config_loader["parameters"] = raw  # what nodes and other hooks read from now on
        found = parse_parameters(raw)
        known = with_noise(found.variants, found.moe)
        self.parameters = found.model_copy(update={"variants": known})
        limit_threads(self.parameters.execution.threads)

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog, conf_catalog: dict[str, Any]) -> None:
        """Refuse dataset classes that do not exist, also those that this run does not use."""
        if problems := [*type_problems(conf_catalog)]:
            raise RunStopped("\n".join(["catalog:", *(f"  {p}" for p in problems)]))
        self._hand_over(catalog)

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Stop now if a model, an input, a place to write, memory or room is missing; else say what the run will take."""
        note_environment(self.config_loader)
        before, of_models = self.parameters, None
        while of_models is None:  # what is skipped needs no memory, no room and no download
            resources = look_at_resources(pipeline, self.parameters, catalog)
            found = [*check_models(pipeline, self.parameters), *resources.of_models]
            reduced, stops = without_missing(pipeline, self.parameters, found)
            of_models = (stops or found) if stops or reduced == self.parameters else None
            self.parameters = reduced
        problems = [
            *check_data_root(catalog),
            *listed(of_models),
            *check_inputs(pipeline, catalog),
            *summary_problems(pipeline, self.parameters, catalog),
            *check_outputs(pipeline, catalog),
            *resources.of_disks,
            *engine_problems(self.parameters),
            *check_signing(pipeline, self.parameters),
        ]
        for line in resources.outlook:
            logger.info("%s", line)
        if problems:
            raise RunStopped("\n".join(["preflight checks failed:", *(f"  {p}" for p in problems)]))
        report_skipped(before, self.parameters)
        choose_results(pipeline, self.parameters, catalog)
        self._hand_over(catalog)

    def _hand_over(self, catalog: DataCatalog) -> None:
        """Put typed values where Kedro, which types single models only, has plain mappings."""
        for name in ("models", "variants", "execution"):
            catalog[f"params:{name}"].save(getattr(self.parameters, name))

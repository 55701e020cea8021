"""Checks everything that can be known before the first node runs, and hands nodes typed parameters."""

from __future__ import annotations

from typing import Any

from kedro.framework.hooks import hook_impl
from pydantic import ValidationError

from tpige_kedro.execution.threads import limit_threads
from tpige_kedro.hooks.clips import with_clips
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.preflight import (
    check_data_root,
    check_inputs,
    check_models,
    check_outputs,
    check_signing,
)
from tpige_kedro.schemas import Parameters

WHERE = "correct conf/<environment>/parameters*.yml or what --params says"


def parse_parameters(raw: dict[str, Any]) -> Parameters:
    """The parameters as one typed object.

    Raises:
        RunStopped: names every key that is unknown, missing, or of the wrong type or range.
    """
    try:
        return Parameters.model_validate(raw)
    except ValidationError as error:
        problems = [_describe(dict(problem)) for problem in error.errors()]
        raise RunStopped("parameters:\n" + "\n".join(problems) + f"\n{WHERE}") from error


def _describe(problem: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    message = {"extra_forbidden": "unknown key", "missing": "this key is required"}.get(
        problem["type"], problem["msg"].removeprefix("Value error, ")
    )
    given = problem["input"]
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"  {key + ': ' if key else ''}{message}{shown}"


class ParameterHooks:
    """Parses the parameters when the configuration is read, and looks at models, inputs and disks before a run."""

    parameters: Parameters

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Check all parameters, before pipelines are built."""
        raw = with_clips(context.config_loader["parameters"])
        context.config_loader["parameters"] = raw  # what nodes and other hooks read from now on
        self.parameters = parse_parameters(raw)
        limit_threads(self.parameters.execution.threads)

    @hook_impl
    def after_catalog_created(self, catalog: Any) -> None:
        """Put typed values where Kedro, which types single models only, has plain mappings."""
        for name in ("models", "variants", "execution"):
            catalog.get(f"params:{name}").save(getattr(self.parameters, name))

    @hook_impl
    def before_pipeline_run(self, pipeline: Any, catalog: Any) -> None:
        """Stop now if a model, an input or a place to write is missing."""
        problems = [
            *check_data_root(catalog),
            *check_models(pipeline, self.parameters),
            *check_inputs(pipeline, catalog),
            *check_outputs(pipeline, catalog),
            *check_signing(pipeline, self.parameters),
        ]
        if problems:
            raise RunStopped("\n".join(["preflight checks failed:", *(f"  {p}" for p in problems)]))

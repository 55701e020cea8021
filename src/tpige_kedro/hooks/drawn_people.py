"""Photos with models that know drawn people only: a warning that names the cause, before results look plausible."""

from __future__ import annotations

import logging
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from tpige_kedro.hooks.parameters import ParameterHooks
from tpige_kedro.hooks.preflight import needed_models
from tpige_kedro.schemas import ModelSpec, Parameters
from tpige_kedro.weights.sources import project_root

logger = logging.getLogger(__name__)

TABLES = ("checked_samples", "evaluated_samples")
MINI = "tpige_kedro.mini."
SHIPPED = "data/06_models/mini"  # weights that were trained on drawn people
SHOWN = 3  # samples named in the warning


def knows_drawn_only(model: ModelSpec) -> bool:
    """Whether a model was made for drawn people: its class is of the mini world, or its weights are those that ship.

    >>> mini = "tpige_kedro.mini.reader.MiniFaceReader"
    >>> knows_drawn_only(ModelSpec(type=mini, licence="Apache-2.0", source="elsewhere"))
    True
    """
    if model.type.startswith(MINI):
        return True
    shipped = (project_root() / SHIPPED).resolve()
    source = None if model.source is None else project_root() / model.source
    return source is not None and shipped in source.resolve().parents


def drawn_only(pipeline: Pipeline, parameters: Parameters) -> list[str]:
    """The models of a run that know drawn people only."""
    return [
        n for n in needed_models(pipeline, parameters) if knows_drawn_only(parameters.models[n])
    ]


class DrawnPeopleHooks:
    """Warns once in a run, when the samples are known; ``parameters`` are those of the run."""

    def __init__(self, parameters: ParameterHooks) -> None:
        self._parameters = parameters
        self._models: list[str] = []

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Note which models it is about."""
        self._models = drawn_only(pipeline, self._parameters.parameters)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Look at the samples of this run."""
        self._look(dataset_name, data)

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Look at the samples of an earlier run."""
        self._look(dataset_name, data)

    def _look(self, name: str, data: Any) -> None:
        if not self._models or name not in TABLES:
            return
        photos = data.loc[data["consent"] != "synthetic", "sample_id"].tolist()
        if photos:
            more = f" and {len(photos) - SHOWN} more" if len(photos) > SHOWN else ""
            logger.warning(
                "%d of %d samples are not synthetic (%s%s), and %s know%s drawn people only: in photos they find no face or a wrong "
                "one, and their clips and scores mean nothing. For photos use an environment of docs/from_zero.md, such as "
                "--env=vace_1_3b; for drawn people write synthetic in the column consent",
                len(photos), len(data), ", ".join(photos[:SHOWN]), more, ", ".join(self._models),
                "s" * (len(self._models) == 1),
            )  # fmt: skip
        self._models = []

"""``mlflow.yml``, and what the command line overrides."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.mlflow.uri import with_home
from tpige_kedro.schemas import Parameters, Settings


class MlflowSettings(Settings):
    """``mlflow.yml``: whether and where runs are logged, and how many clips and contact sheets go with them.

    ``MLFLOW_TRACKING_URI`` wins over ``tracking_uri``; without both it is ``mlflow.db`` in the project. ``required`` is for those
    to whom a run that MLflow does not show is none: it ends with an error, before it begins if MLflow is away by then.
    """

    enabled: bool = True
    experiment: str = "tpige"
    tracking_uri: str | None = None
    clips_per_variant: int = 4
    sheets_per_run: int = 24
    required: bool = False  # whether a run that cannot be logged ends with an error


def parse_settings(raw: dict[str, Any], parameters: Parameters) -> MlflowSettings:
    """``mlflow.yml``, with what the command line says instead.

    Raises:
        RunStopped: names every key that is unknown or of the wrong type.
    """
    changes = parameters.mlflow.model_dump(exclude_none=True)
    try:
        return MlflowSettings.model_validate({**raw, **changes})
    except ValidationError as error:
        problems = [f"  {'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors()]
        raise RunStopped(
            "\n".join(["mlflow.yml:", *problems, "correct conf/<environment>/mlflow.yml"])
        ) from error


def tracking_uri(settings: MlflowSettings, project: Path) -> str:
    """Where runs are logged; ``~`` is the home folder."""
    named = os.environ.get("MLFLOW_TRACKING_URI") or settings.tracking_uri
    return with_home(named) if named else f"sqlite:///{project / 'mlflow.db'}"

"""Where results, photos and MLflow runs are, as the configuration says, or the command line."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Places:
    """The folders of a run, and the URI of its tracking store."""

    project: Path
    data_root: Path
    samples_root: Path
    tracking_uri: str


def find_places(given: dict[str, str], env: str | None, conf_source: str | None) -> Places:
    """The places that a run with these options has."""
    from kedro.framework.project import settings

    from tpige_kedro.hooks.lock import configured_path
    from tpige_kedro.weights.sources import project_root

    project = project_root()
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=conf_source or str(project / settings.CONF_SOURCE),
        env=env,
        runtime_params=given,
        **settings.CONFIG_LOADER_ARGS,
    )
    return Places(
        project,
        configured_path(loader, project, "data_root"),
        configured_path(loader, project, "samples_root"),
        os.environ.get("MLFLOW_TRACKING_URI")
        or loader["mlflow"].get("tracking_uri")
        or f"sqlite:///{project / 'mlflow.db'}",
    )


def open_store(places: Places) -> tuple[Any, list[str]]:
    """The local MLflow store if there is one, and what to say if it cannot be searched."""
    from tpige_kedro.commands.mlflow_store import Store, Unreadable, local_store
    from tpige_kedro.hooks.mlflow.uri import shown

    uri = places.tracking_uri
    file = local_store(uri)
    if file is None:
        return None, [
            f"MLflow at {shown(uri)} is not on this disk and was not searched: delete the runs there that show this person"
        ]
    if not file.exists():
        return None, []
    try:
        return Store(uri, places.data_root, places.project), []
    except Unreadable as error:
        _, _, why = str(error).partition(": ")
        return None, [f"MLflow's {file} was not searched: {why}; then run this again"]


def samples_of(root: Path) -> pd.DataFrame:
    """The user's list of samples; empty if there is none, or if it cannot be read."""
    import pandas as pd
    from kedro.io import DatasetError

    from tpige_kedro.datasets.sample_folder import SampleFolder

    try:
        return SampleFolder(path=str(root)).load()
    except (DatasetError, OSError) as error:
        if (root / "samples.csv").exists():
            logger.warning("%s; only the records say what belongs to this person", error)
        return pd.DataFrame()

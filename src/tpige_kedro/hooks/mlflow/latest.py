"""What the latest run logged, so that a run that changes none of it need not be logged again, nor MLflow be imported."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tpige_kedro.hooks.failures import Failure
from tpige_kedro.hooks.mlflow.artifacts import text_mark
from tpige_kedro.hooks.mlflow.outage import PATIENCE, sqlite_file
from tpige_kedro.hooks.mlflow.results import FILES, SHOWN
from tpige_kedro.hooks.mlflow.settings import MlflowSettings
from tpige_kedro.hooks.mlflow.uri import shown
from tpige_kedro.schemas import Parameters

if TYPE_CHECKING:
    from kedro.io import DataCatalog

NAMES = 2  # of metrics; with other ones, a run is logged again though nothing changed
ACTIVE = """
    SELECT count(DISTINCT run_uuid) FROM runs JOIN experiments USING (experiment_id)
    WHERE experiments.name = ? AND experiments.lifecycle_stage = 'active' AND runs.lifecycle_stage = 'active'
    AND run_uuid IN ({})
"""


@dataclass(frozen=True)
class Latest:
    """The latest run that ended well and that MLflow has to the end.

    ``setting`` is the :func:`mark_of_setting` of that run, ``shows`` the mark of each dataset that it showed, ``failures`` that of
    the table of failures. ``runs`` are the ids of all runs of MLflow that hold its numbers and files.
    """

    run: str
    name: str
    ended: str
    setting: str
    failures: str
    shows: dict[str, str]
    runs: list[str]

    def has(self, shows: Mapping[str, str], failures: Iterable[Failure]) -> bool:
        """Whether it showed all of this."""
        return shows.items() <= self.shows.items() and self.failures == mark_of_failures(failures)

    def __str__(self) -> str:
        return f"{self.name} of {self.ended} ({self.run})"

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def parse_latest(content: Any) -> Latest | None:
    """What :meth:`Latest.to_json` returned; None for anything else."""
    try:
        return Latest(**content)
    except TypeError:
        return None


def mark_of_setting(
    uri: str, settings: MlflowSettings, parameters: Parameters, tags: Mapping[str, str]
) -> str:
    """A hash of where a run is logged, of the parameters that MLflow shows, and of ``tags``.

    Without passwords of the URI: short ones could be guessed.
    """
    parts = [
        NAMES,
        shown(uri),
        settings.model_dump(mode="json", exclude={"tracking_uri", "enabled", "required"}),
        parameters.model_dump(mode="json", exclude={"mlflow"}),
        dict(tags),
    ]
    return text_mark(json.dumps(parts, sort_keys=True))


def marks_of(names: Iterable[str], catalog: DataCatalog) -> dict[str, str]:
    """The hash of each dataset of ``names`` of which MLflow shows something; of a class of yours that has none, a new one."""
    shown_ones = sorted({*SHOWN, *FILES}.intersection(names))
    datasets = {name: catalog.get(name) for name in shown_ones}
    marks = {name: getattr(dataset, "mark", token_hex) for name, dataset in datasets.items()}
    return {name: mark() for name, mark in marks.items()}


def mark_of_failures(failures: Iterable[Failure]) -> str:
    """A hash of the table of failures."""
    return text_mark(json.dumps([asdict(failure) for failure in failures]))


def sqlite_has(file: Path, experiment: str, runs: Iterable[str]) -> bool:
    """Whether all ``runs`` are in an experiment of a SQLite store, and none of it is deleted; False if that cannot be read.

    It reads MLflow's own tables: MLflow would take two seconds of imports to answer.
    """
    wanted = set(runs)
    query = ACTIVE.format(",".join("?" * len(wanted)))
    place = f"file:{quote(str(file.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(place, uri=True, timeout=PATIENCE)) as database:
            (found,) = database.execute(query, [experiment, *wanted]).fetchone()
    except sqlite3.Error:
        return False
    return bool(found == len(wanted))


def local_file(uri: str, settings: MlflowSettings) -> Path | None:
    """The SQLite file that says which runs there are; None if MLflow itself must be queried.

    A run that has to be logged asks MLflow, so that it ends before its first node if MLflow cannot be used.
    """
    return None if settings.required else sqlite_file(uri)

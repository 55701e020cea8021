"""Artifacts of MLflow runs: logged if they changed; otherwise the run says which earlier run holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tpige_kedro.files.atomic import save_bytes
from tpige_kedro.files.seal import Damaged, open_sealed, sealed
from tpige_kedro.hooks.mlflow.uri import shown

if TYPE_CHECKING:
    from PIL.Image import Image

    from tpige_kedro.hooks.mlflow.runs import RunLog


@dataclass(frozen=True)
class Artifact:
    """One file of a run: its name there, a hash of what it shows, and how it is logged."""

    name: str
    mark: str
    log: Callable[[RunLog, str], None]


def table(content: pd.DataFrame, name: str) -> Artifact:
    """A table as the JSON that MLflow's pages show and compare.

    Columns that are empty in all rows are left out. Written here, because ``MlflowClient.log_table`` cuts numbers to ten digits.
    """
    content = without_empty(content)
    return Artifact(
        name, table_mark(content), lambda log, run: log.log_table_text(run, as_json(content), name)
    )


def without_empty(content: pd.DataFrame) -> pd.DataFrame:
    """A table without the columns that say nothing in any row.

    >>> without_empty(pd.DataFrame({"a": [1, None], "b": [None, ""]})).columns.to_list()
    ['a']
    """
    said = content.notna() & (content != "")
    return content.loc[:, said.any().to_numpy(dtype=bool)]


def as_json(content: pd.DataFrame) -> str:
    """A table in MLflow's form, missing values as null."""
    rows = [[None if pd.isna(v) else v for v in row] for row in content.astype(object).to_numpy()]
    return json.dumps({"columns": list(content.columns), "data": rows})


def table_mark(content: pd.DataFrame) -> str:
    """The hash of a table's columns and values."""
    values = pd.util.hash_pandas_object(content, index=False).to_numpy()
    return text_mark(f"{list(content.columns)}{hashlib.sha256(values.tobytes()).hexdigest()}")


def text(content: str, name: str) -> Artifact:
    """A text file."""
    return Artifact(
        name, text_mark(content), lambda log, run: log.client.log_text(run, content, name)
    )


def file(path: Path, mark: str, folder: str = "", name: str = "") -> Artifact:
    """A file as it is, known by its ``mark``; ``name`` if it is called otherwise there."""
    shown = name or path.name
    place = f"{folder}/{shown}" if folder else shown
    return Artifact(place, mark, lambda log, run: log.log_file(run, path, place))


def picture(draw: Callable[[], Image], mark: str, name: str) -> Artifact:
    """A picture that is drawn only if it is logged."""
    return Artifact(name, mark, lambda log, run: log.log_picture(run, draw(), name))


def text_mark(content: str) -> str:
    """The hash of a text."""
    return hashlib.sha256(content.encode()).hexdigest()


class Ledger:
    """Which run of a tracking store holds which artifacts, and what the latest run was: a sealed file below ``data_root``.

    Without it, or if it is damaged, everything is logged again.
    """

    def __init__(self, store: Path) -> None:
        self._file = store
        content = _read(store)
        self._places: dict[str, dict[str, Any]] = content.get("places", {})
        self.latest: Any = content.get("latest")  # see :mod:`.latest`

    def publish(self, log: RunLog, slot: str, run: str, artifacts: Sequence[Artifact]) -> None:
        """Log the artifacts of ``slot`` (a variant, or "" for the whole) unless an earlier run has the very same."""
        if not artifacts:
            return
        logged = self._logged_to(log)
        mark = text_mark(json.dumps([[a.name, a.mark] for a in artifacts]))
        earlier = logged.get(slot)
        if earlier and earlier["mark"] == mark and log.client.has_run(earlier["run"]):
            log.tag(run, "tpige.artifacts", f"unchanged since run {earlier['run']}")
            return
        for artifact in artifacts:
            artifact.log(log, run)
        logged[slot] = {"mark": mark, "run": run}

    def holders(self, log: RunLog) -> set[str]:
        """The runs that hold the artifacts of ``log`` and its variants."""
        logged = self._logged_to(log)
        return {logged[slot]["run"] for slot in ("", *log.children) if slot in logged}

    def save(self) -> None:
        """Keep it for the next run."""
        save_bytes(self._file, sealed({"places": self._places, "latest": self.latest}))

    def _logged_to(self, log: RunLog) -> dict[str, Any]:
        # not of a password: short ones can be guessed
        place = text_mark(f"{shown(log.client.tracking_uri)} {log.experiment}")
        return self._places.setdefault(place, {})


def _read(store: Path) -> dict[str, Any]:
    try:
        return open_sealed(store.read_bytes())
    except (OSError, Damaged):
        return {}

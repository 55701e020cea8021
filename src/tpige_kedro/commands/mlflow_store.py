"""What the MLflow runs of a data root hold about a person, in a local store: artifact files, and traces of requests.

MLflow has no way to delete single artifacts, so their files are deleted where they lie, and the run is tagged with their number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from tpige_kedro.commands.findings import Finding, file_finding
from tpige_kedro.commands.person import Person
from tpige_kedro.errors import TpigeError
from tpige_kedro.hooks.mlflow.client import settle
from tpige_kedro.hooks.mlflow.outage import MlflowAway, check_uri, outage, sqlite_file

if TYPE_CHECKING:
    from mlflow.entities import Run

OURS = "tags.`tpige.version` LIKE '%'"
PARENT = "mlflow.parentRunId"
PICTURES = {".png", ".jpg"}
PAGE = 500  # traces in one request


class Unreadable(TpigeError):
    """The store cannot be searched."""


@dataclass
class RunFiles:
    """A run and the files of its artifacts; ``named`` are those that name the person."""

    run: Run
    files: list[Path]
    named: set[Path] = field(default_factory=set)


def local_store(uri: str) -> Path | None:
    """The SQLite file of a tracking URI; None if runs are kept elsewhere.

    >>> local_store("sqlite:////data/mlflow.db"), local_store("http://mlflow.example.org")
    (PosixPath('/data/mlflow.db'), None)
    """
    return sqlite_file(uri)


class Store:
    """The runs of this project in a local store that write to ``root``; a run that does not say where counts."""

    def __init__(self, uri: str, root: Path, project: Path) -> None:
        self._root, self._project = root.resolve(), project
        settle()
        try:
            check_uri(uri)
        except MlflowAway as problem:
            raise Unreadable(str(problem)) from None
        from mlflow import MlflowClient
        from mlflow.entities import ViewType
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            self._client = MlflowClient(tracking_uri=uri)
            experiments = self._client.search_experiments(view_type=ViewType.ALL)
            ids = [experiment.experiment_id for experiment in experiments]
            self._families = self._in_families(self._search(ids, ViewType.ALL))
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise Unreadable(str(outage(error, uri))) from None

    def folders(self) -> list[Path]:
        """Where the artifacts of these runs lie."""
        uris = (run.info.artifact_uri for family in self._families for run in family)
        return [folder for folder in map(artifact_folder, uris) if folder is not None]

    def find(self, person: Person) -> list[Finding]:
        """Artifacts and traces; nothing of runs in which neither they nor their variants name the person."""
        families = [[_files_of(run, person) for run in family] for family in self._families]
        shown = [each for family in families if any(e.named for e in family) for each in family]
        group = f"MLflow, {len(shown)} runs"
        return [finding for each in shown for finding in self._in_run(each, group)]

    def _in_run(self, found: RunFiles, group: str) -> Iterator[Finding]:
        mine = [file for file in found.files if file in found.named or _is_shared_picture(file)]
        yield from (file_finding(group, file) for file in mine)
        if mine:
            yield Finding(group, "", partial(self._tag, found.run, mine), "note")
        traces = self._traces(found.run)
        if traces:
            delete = partial(self._delete_traces, found.run.info.experiment_id, traces)
            name = f"traces of run {found.run.info.run_id}"
            yield Finding(group, name, delete, "trace", len(traces))

    def _search(self, experiments: list[str], view: int) -> Iterator[Run]:
        token = None
        while experiments:
            page = self._client.search_runs(experiments, OURS, view, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _in_families(self, runs: Iterable[Run]) -> list[list[Run]]:
        """The runs that write to this data root, each with its variants; the parent says where they write."""
        families: dict[str, list[Run]] = {}
        for run in runs:
            families.setdefault(run.data.tags.get(PARENT, run.info.run_id), []).append(run)
        return [family for family in families.values() if self._is_here(family)]

    def _is_here(self, family: Iterable[Run]) -> bool:
        roots = {
            run.data.tags.get("tpige.data_root") or run.data.params.get("data_root")
            for run in family
        } - {None, "", "None"}
        return not roots or any((self._project / str(r)).resolve() == self._root for r in roots)

    def _traces(self, run: Run) -> list[str]:
        """All traces of a run: what was read in a face names nobody, so they cannot be told apart."""
        found: list[str] = []
        token = None
        while True:
            page = self._client.search_traces(
                locations=[run.info.experiment_id],
                run_id=run.info.run_id,
                include_spans=False,
                max_results=PAGE,
                page_token=token,
            )
            found += [trace.info.trace_id for trace in page]
            token = page.token
            if not token:
                return found

    def _delete_traces(self, experiment: str, traces: list[str]) -> None:
        for start in range(0, len(traces), 100):  # at most in one request
            self._client.delete_traces(experiment, trace_ids=traces[start : start + 100])

    def _tag(self, run: Run, files: list[Path]) -> None:
        """Say how many files went, and let MLflow's pages not look for tables that are gone."""
        from mlflow.exceptions import MlflowException

        folder = artifact_folder(run.info.artifact_uri)
        assert folder is not None
        gone = {file.relative_to(folder).as_posix() for file in files}
        tags = {"tpige.forgotten": f"{len(files)} files"}
        if listed := run.data.tags.get("mlflow.loggedArtifacts"):
            kept = [entry for entry in json.loads(listed) if entry.get("path") not in gone]
            tags["mlflow.loggedArtifacts"] = json.dumps(kept)
        for key, value in tags.items():
            try:
                self._client.set_tag(run.info.run_id, key, value)
            except MlflowException:  # a run that was deleted, but whose files were still there
                return


def artifact_folder(uri: str) -> Path | None:
    """The folder of a local artifact URI; None for any other.

    >>> artifact_folder("file:///data/ml%20artifacts/1"), artifact_folder("s3://bucket/1")
    (PosixPath('/data/ml artifacts/1'), None)
    """
    parts = urlparse(uri)
    return Path(unquote(parts.path)) if parts.scheme in {"file", ""} else None


def _files_of(run: Run, person: Person) -> RunFiles:
    folder = artifact_folder(run.info.artifact_uri)
    files = [] if folder is None else list(_walk(folder))
    return RunFiles(run, files, {file for file in files if _names(file, person)})


def _walk(folder: Path) -> Iterator[Path]:
    for path, _, names in os.walk(folder):
        yield from (Path(path, name) for name in sorted(names))


def _names(file: Path, person: Person) -> bool:
    """Whether an artifact is the person's by its name, or has the person in its text or table."""
    if person.owns(file.stem):
        return True
    if file.suffix == ".json":
        return any(cell in person.ids for cell in _cells(file))
    if file.suffix in {".html", ".svg", ".csv", ".txt"}:
        return person.is_named_in(file.read_text(encoding="utf-8", errors="replace"))
    return False


def _cells(file: Path) -> Iterable[str]:
    """The texts in the rows of a table of MLflow, which are lists."""
    try:
        rows = json.loads(file.read_bytes())["data"]
        return [cell for row in rows for cell in row if isinstance(cell, str)]
    except (ValueError, KeyError, TypeError):
        return ()


def _is_shared_picture(file: Path) -> bool:
    """Whether a picture shows several samples; one that shows a single sample has its name."""
    return file.suffix in PICTURES and file.parent.name != "contact_sheets"

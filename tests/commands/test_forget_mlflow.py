"""``kedro forget``: what MLflow runs in a local store hold of the person."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from mlflow_store import Store
from tpige_kedro.commands.forget import forget
from tpige_kedro.files.seal import sealed

PARENT = "mlflow.parentRunId"


class Runs:
    """A store with runs that look like this project's."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.store = Store(folder / "mlflow.db")
        self.client = self.store.client
        place = (folder / "mlartifacts").as_uri()
        self.experiment = self.client.create_experiment("tests", place)

    def make(self, name: str, artifacts: dict[str, Any], **tags: str) -> str:
        """A run with artifacts: lists of cells are tables, texts are texts."""
        tags = {"tpige.version": "1", **{k.replace("__", "."): v for k, v in tags.items()}}
        run = self.client.create_run(self.experiment, tags=tags, run_name=name).info.run_id
        for file, content in artifacts.items():
            text = content
            if isinstance(content, list):
                text = json.dumps({"columns": ["sample_id"], "data": [[c] for c in content]})
            self.client.log_text(run, text, file)
        tables = [{"path": f, "type": "table"} for f in artifacts if f.endswith(".json")]
        self.client.set_tag(run, "mlflow.loggedArtifacts", json.dumps(tables))
        return str(run)

    def left(self, run: str) -> set[str]:
        return set(self.store.artifacts(self.client.get_run(run)))

    def tags(self, run: str) -> dict[str, str]:
        return dict(self.client.get_run(run).data.tags)


@pytest.fixture
def runs(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    (tmp_path / "data/02_intermediate").mkdir(parents=True)
    samples = {"sample_id": ["ada_1", "bob_1"], "person_id": ["ada", "bob"]}
    pd.DataFrame(samples).to_parquet(tmp_path / "data/02_intermediate/checked_samples.parquet")
    (tmp_path / "samples").mkdir()
    return Runs(tmp_path)


def run(runs: Runs, *options: str) -> Result:
    samples = f"--samples-root={runs.data.parent / 'samples'}"
    return CliRunner().invoke(forget, ["ada", f"--data-root={runs.data}", samples, *options])


ARTIFACTS = {
    "contact_sheets/ada_1.png": "picture",
    "contact_sheets/bob_1.png": "picture",
    "references_before_after.png": "picture",
    "selection.json": ["ada_1", "bob_1"],
    "variant_summary.json": ["vace"],
    "report.html": "<p>ada_1</p>",
    "variant_means.svg": "<svg/>",
}
OF_VARIANT = {
    "clips/ada_1.mp4": "clip",
    "clips/bob_1.mp4": "clip",
    "contact_sheet.png": "picture",
    "scores.json": ["bob_1"],
}


def test_artifacts_that_show_or_name_the_person_go(runs: Runs) -> None:
    parent = runs.make("full", ARTIFACTS)
    child = runs.make("vace", OF_VARIANT, **{PARENT: parent})
    other = runs.make("full", {"selection.json": ["bob_1"], "contact_sheet.png": "picture"})
    result = run(runs, "--yes")
    assert result.exit_code == 0, result.output
    assert runs.left(parent) == {
        "contact_sheets/bob_1.png", "variant_summary.json", "variant_means.svg",
    }  # fmt: skip
    assert runs.left(child) == {"clips/bob_1.mp4", "scores.json"}
    assert runs.left(other) == {"selection.json", "contact_sheet.png"}
    assert runs.tags(parent)["tpige.forgotten"] == "4 files"
    assert runs.tags(child)["tpige.forgotten"] == "2 files"
    assert "tpige.forgotten" not in runs.tags(other)
    listed = json.loads(runs.tags(parent)["mlflow.loggedArtifacts"])
    assert [entry["path"] for entry in listed] == ["variant_summary.json"]
    assert re.search(r"MLflow, 2 runs +6 files", result.output)


def test_a_run_that_shows_nobody_by_name_is_left_as_it_is(runs: Runs) -> None:
    bob = runs.make("full", {"contact_sheet.png": "picture", "scores.json": ["bob_1"]})
    run(runs, "--yes")
    assert runs.left(bob) == {"contact_sheet.png", "scores.json"}


def test_runs_of_other_data_roots_are_left_alone(runs: Runs) -> None:
    elsewhere = str(runs.data.parent / "elsewhere")
    tagged = runs.make("full", ARTIFACTS, tpige__data_root=elsewhere)
    mine = runs.make("full", ARTIFACTS, tpige__data_root=str(runs.data))
    older = runs.make("full", ARTIFACTS)
    runs.client.log_param(older, "data_root", elsewhere)
    child = runs.make("vace", OF_VARIANT, **{PARENT: older})
    run(runs, "--yes")
    assert runs.left(child) == set(OF_VARIANT)
    assert runs.left(tagged) == runs.left(older) == set(ARTIFACTS)
    assert "report.html" not in runs.left(mine)


def test_runs_of_other_projects_are_left_alone(runs: Runs) -> None:
    foreign = runs.client.create_run(runs.experiment).info.run_id
    runs.client.log_text(foreign, "clip", "clips/ada_1.mp4")
    run(runs, "--yes")
    assert runs.left(foreign) == {"clips/ada_1.mp4"}


def test_a_deleted_run_still_has_files(runs: Runs) -> None:
    deleted = runs.make("full", ARTIFACTS)
    runs.client.delete_run(deleted)
    result = run(runs, "--yes")
    assert result.exit_code == 0, result.output
    assert not list((runs.data.parent / "mlartifacts").rglob("ada_1.png"))


def test_the_next_run_logs_again_what_is_gone(runs: Runs) -> None:
    runs.make("full", ARTIFACTS)
    ledger = runs.data / "08_reporting/mlflow_artifacts.json"
    ledger.parent.mkdir()
    ledger.write_bytes(sealed({"places": {}}))
    assert run(runs, "--dry-run").exit_code == 0 and ledger.exists()
    run(runs, "--yes")
    assert not ledger.exists()


def test_traces_of_runs_with_the_person_go(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace of a question about a face names nobody, so all of such a run go."""
    import mlflow
    from mlflow.tracing.constant import TraceMetadataKey
    from mlflow.tracing.trace_manager import InMemoryTraceManager

    mine = runs.make("full", ARTIFACTS)
    other = runs.make("full", {"selection.json": ["bob_1"]})
    uri = f"sqlite:///{runs.store.file}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=runs.experiment)
    try:
        for source in (mine, mine, other):
            with mlflow.start_span("question") as span:
                span.set_inputs({"messages": "Who is this?"})
                InMemoryTraceManager.get_instance().set_trace_metadata(
                    span.trace_id, TraceMetadataKey.SOURCE_RUN, source
                )
        mlflow.flush_trace_async_logging()
    finally:
        mlflow.set_tracking_uri(None)  # which removes the variable that names the store, too
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)

    def traces(of: str) -> int:
        return len(runs.client.search_traces(locations=[runs.experiment], run_id=of))

    assert (traces(mine), traces(other)) == (2, 1)
    result = run(runs, "--yes")
    assert "2 traces" in result.output
    assert (traces(mine), traces(other)) == (0, 1)


def test_artifacts_below_the_data_root_are_searched_once(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = runs.data / "08_reporting" / "mlartifacts"
    runs.experiment = runs.client.create_experiment("inside", inside.as_uri())
    runs.make("full", ARTIFACTS)
    result = run(runs, "--yes")
    assert result.exit_code == 0, result.output
    assert not list(inside.rglob("ada_1.png")) and list(inside.rglob("bob_1.png"))

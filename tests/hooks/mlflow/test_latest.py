"""A run that makes and changes nothing opens no run of MLflow; whatever MLflow would show of a change opens one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import fakes
from mlflow_store import Store
from project import STAGES, Project, row
from tpige_kedro.execution.stopping import Stopped, close_all
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.mlflow import hooks, latest, opening
from tpige_kedro.hooks.mlflow.latest import sqlite_has
from tpige_kedro.hooks.mlflow.results import ENTRIES, FILES, SHOWN, TRAINING, Results

LEDGER = "08_reporting/mlflow_artifacts.json"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes each connection to MLflow."""
    found: list[str] = []
    connect = opening.connect

    def noted(*arguments: Any) -> Any:
        found.append("connect")
        return connect(*arguments)

    monkeypatch.setattr(opening, "connect", noted)
    return found


def test_a_run_that_changes_nothing_is_not_logged_and_says_so(
    project: Project, store: Store, calls: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    project.run("full")
    (first,) = store.parents()
    calls.clear()
    for pipeline in ("full", "reporting", "prompt_enhancement"):
        caplog.clear()
        project.run(pipeline)
        assert "nothing changed since full of 20" in caplog.text
        assert f"({first.info.run_id}), which is not logged again" in caplog.text
    assert calls == [] and len(store.parents()) == 1


def another_parameter(project: Project, store: Store) -> None:
    project.configure(reporting={"title": "Another"})


def another_number_of_clips(project: Project, store: Store) -> None:
    file = project.conf / project.env / "mlflow.yml"
    file.write_text("experiment: tests\nclips_per_variant: 2\n")


def the_run_is_deleted(project: Project, store: Store) -> None:
    store.client.delete_run(store.parents()[0].info.run_id)


def a_variant_is_deleted(project: Project, store: Store) -> None:
    store.client.delete_run(store.children(store.parents()[0])["vace"].info.run_id)


def the_memory_is_damaged(project: Project, store: Store) -> None:
    (project.data / LEDGER).write_text("{")


def a_sample_is_removed(project: Project, store: Store) -> None:
    project.write_samples([row(1, prompt="A man reads.")])


def a_new_sample(project: Project, store: Store) -> None:
    project.write_samples([row(1, prompt="A man reads."), row(2, prompt="A man runs."), row(3)])


def an_item_is_damaged(project: Project, store: Store) -> None:
    (project.data / "07_model_output/clips/vace/s1.mp4").write_bytes(b"")


FEW = ("prompt_enhancement",)
CHANGES = {
    another_parameter: FEW,
    another_number_of_clips: FEW,
    the_run_is_deleted: FEW,
    the_memory_is_damaged: FEW,
    a_new_sample: FEW,
    a_sample_is_removed: FEW,
    a_variant_is_deleted: STAGES,
    an_item_is_damaged: STAGES,
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_logged(project: Project, store: Store, change: Any) -> None:
    project.run(*CHANGES[change])
    before = {run.info.run_id for run in store.runs()}
    change(project, store)
    project.run(*CHANGES[change])
    new = [run for run in store.parents() if run.info.run_id not in before]
    assert [run.info.status for run in new] == ["FINISHED"]
    made = new[0].data.metrics["work.prompt_enhancement.done"]
    assert made == (1 if change is a_new_sample else 0)


def test_another_store_gets_its_own_run(
    project: Project, store: Store, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("prompt_enhancement")
    other = Store(project.folder / "other.db")
    shutil.copy(empty_store, other.file)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other.file}")
    project.run("prompt_enhancement")
    assert len(other.parents()) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store.file}")
    project.run("prompt_enhancement")
    assert len(store.parents()) == 2, "only the latest run is remembered"


def test_results_that_were_made_without_mlflow_are_logged(project: Project, store: Store) -> None:
    project.run("full")
    project.configure(variants={"vace": {"guidance": {"text_weight": 5.5}}})
    project.run("full", mlflow={"enabled": False})
    project.run("reporting")
    assert len(store.parents()) == 2


def test_failures_that_are_allowed_are_the_same_or_not(project: Project, store: Store) -> None:
    project.configure(execution={"max_failures": 1})
    project.write_samples([row(1, prompt=""), row(2)])
    for _ in range(2):
        project.run("prompt_enhancement")
    assert len(store.parents()) == 1, "the same sample is refused"
    project.write_samples([row(2)])
    project.run("prompt_enhancement")
    assert len(store.parents()) == 2


def test_a_run_that_failed_is_logged_again(project: Project, store: Store) -> None:
    project.write_samples([row(1, prompt=""), row(2)])
    for _ in range(2):
        with pytest.raises(RunStopped):
            project.run("prompt_enhancement")
    assert [run.info.status for run in store.parents()] == ["FAILED"] * 2


def test_an_error_opens_a_run(project: Project, store: Store) -> None:
    project.configure(variants={"vace": {"prompt": "original"}})
    project.run()
    project.write_samples([row(1, prompt="A man reads."), row(2, prompt="A man at a crash.")])
    with pytest.raises(MemoryError):
        project.run()
    newest = store.parents()[0]
    assert newest.info.status == "FAILED" and "no memory left" in newest.data.tags["error"]
    status = {name: run.info.status for name, run in store.children(newest).items()}
    assert status["vace"] == "FAILED" and status["vace_pe_ie"] == "KILLED"


def test_a_stop_opens_a_run_that_was_killed(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("prompt_enhancement")

    def stopped(*_: object) -> None:
        close_all()  # what the command does when it is stopped
        raise Stopped(15)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(hooks, "marks_of", stopped)
        project.run("prompt_enhancement")
    assert [run.info.status for run in store.parents()] == ["KILLED", "FINISHED"]
    project.run("prompt_enhancement")
    assert store.parents()[0].info.status == "FINISHED" and len(store.parents()) == 3


def test_a_run_is_open_while_things_are_made(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("prompt_enhancement")
    open_now: list[str] = []
    read = fakes.Reader.read_face

    def noted(*arguments: Any, **options: Any) -> Any:
        open_now.append(store.parents()[0].info.status)
        return read(*arguments, **options)

    monkeypatch.setattr(fakes.Reader, "read_face", noted)
    project.write_samples([row(1), row(2), row(3)])
    project.run("prompt_enhancement")
    assert set(open_now) == {"RUNNING"}


def test_a_store_that_goes_away_when_work_begins_is_one_warning(
    project: Project,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project.run("prompt_enhancement")
    monkeypatch.setattr(latest, "sqlite_file", lambda _: store.file)
    monkeypatch.setattr(opening, "sqlite_has", lambda *_: True)
    store.file.write_bytes(os.urandom(5000))
    project.write_samples([row(1), row(2), row(3)])
    project.run("prompt_enhancement")
    (said,) = [
        r.getMessage()
        for r in caplog.records
        if r.name.endswith("mlflow.hooks") and r.levelname == "WARNING"
    ]
    assert (
        "it is damaged" in said
        and "this run is not logged: the same command, run again, logs it" in said
    )
    assert len(project.table("05_model_input/enhanced_prompts.parquet")) == 3


def test_a_required_store_is_asked_before_the_first_node(project: Project, store: Store) -> None:
    project.run("prompt_enhancement", mlflow={"required": True})
    project.run("prompt_enhancement", mlflow={"required": True})
    assert len(store.parents()) == 1
    store.file.write_bytes(os.urandom(5000))
    with pytest.raises(RunStopped, match=r"it is damaged.*nothing was started"):
        project.run("prompt_enhancement", mlflow={"required": True})


def test_everything_that_mlflow_shows_is_compared(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: set[str] = set()
    load, first = Results.__getitem__, Results.first

    def loaded(self: Results, name: str) -> Any:
        shown.add(name)
        return load(self, name)

    def taken(self: Results, name: str, *options: Any) -> Any:
        shown.add(name)
        return first(self, name, *options)

    monkeypatch.setattr(Results, "__getitem__", loaded)
    monkeypatch.setattr(Results, "first", taken)
    project.run("full")
    photos = "references"  # the marks of the drawn ones know from which they were drawn
    assert len(shown) > 10
    entries = {ENTRIES.get(name, name) for name in shown}
    assert entries - {*SHOWN, *FILES, TRAINING, photos} == set()


@pytest.mark.parametrize("state", ["gone", "damaged", "another program's"])
def test_a_file_that_says_nothing_has_nothing(tmp_path: Path, state: str) -> None:
    file = tmp_path / "mlflow.db"
    if state == "damaged":
        file.write_bytes(os.urandom(5000))
    elif state == "another program's":
        import sqlite3

        sqlite3.connect(file).execute("CREATE TABLE runs (id)")
    assert not sqlite_has(file, "tests", ["1"])
    assert file.exists() == (state != "gone")

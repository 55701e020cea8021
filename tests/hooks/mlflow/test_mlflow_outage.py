"""MLflow is away, damaged, locked, slow or no MLflow: one sentence with the remedy, and nothing of the run is lost."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlflow_server import Answer, MlflowServer, html, sleeps
from mlflow_store import Store
from project import Project, row
from test_service_run import files_with
from tpige_kedro.datasets import Clip, Mp4Dataset
from tpige_kedro.execution.stopping import close_all
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.mlflow import client as mlflow_client
from tpige_kedro.hooks.mlflow import outage as mlflow_outage
from tpige_kedro.hooks.mlflow.outage import MlflowAway, outage
from tpige_kedro.hooks.mlflow.runs import connect
from tpige_kedro.hooks.mlflow.settings import MlflowSettings

MARK = "PASSWORD-MARKER"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_RETRIES", "BACKOFF_JITTER"):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", "0")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="session")
def running(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "server.db")
    server = MlflowServer(folder)
    with (
        pytest.MonkeyPatch.context() as environment
    ):  # which the server changes with its first answer
        environment.setenv("MLFLOW_TRACKING_URI", server.uri)
        client_of(server).search_experiments()
    yield server
    server.stop()


@pytest.fixture
def server(
    project: Project, store: Store, running: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> MlflowServer:
    """The server, with an experiment of this test, as the project's tracking store."""
    running.reset()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", running.uri.replace("//", f"//user:{MARK}@"))
    name = project.folder.name
    settings = f"experiment: {name}\nclips_per_variant: 1\n"
    (project.conf / project.env / "mlflow.yml").write_text(settings)
    monkeypatch.setattr(Store, "client", property(lambda _: client_of(running)))
    monkeypatch.setattr(Store, "experiment", name)
    return running


def client_of(server: MlflowServer) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(server.uri)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of MLflow, by us or by any library."""
    serious = [r for r in caplog.records if r.levelno >= logging.WARNING]
    others = (
        "tpige_kedro.pipelines",
        "tpige_kedro.hooks.failures",
        "tpige_kedro.execution",
    )
    return [r.getMessage() for r in serious if not r.name.startswith(others)]


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- what is said ----------------------------------------------------------------------------------------------------


def sentence(uri: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of a store that cannot be used: one line, soon, without the password."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    begin = time.monotonic()
    with pytest.raises(MlflowAway) as caught:
        connect(MlflowSettings(), project)
    assert time.monotonic() - begin < 8
    said = str(caught.value)
    assert MARK not in said and caught.value.__cause__ is caught.value.__context__ is None
    assert said.startswith("MLflow at ") and "\n" not in said and "; " in said
    return said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (html("401 Unauthorized"), "refuses the login; set MLFLOW_TRACKING_USERNAME"),
        (html("403 Forbidden"), "refuses the login; set MLFLOW_TRACKING_USERNAME"),
        (html("404 Not Found"), "answers 404.*another program at this address"),
        (html("500 Oops"), r"reports an error \(too many 500 error\).*log of the server"),
        (html("503 Busy"), r"reports an error \(too many 503 error\)"),
        (html("302 Found"), r"redirects to another address .*MLFLOW_TRACKING_URI"),
        (html("200 OK"), "its answer is not MLflow's; is there another program"),
        (lambda _: ("200 OK", "application/json", b'{"experiment": 7}'), "MLFLOW_TRACKING_URI"),
        (lambda _: ("200 OK", "application/json", b"[1]"), "MLFLOW_TRACKING_URI"),
        (lambda _: ("400 Bad", "application/json", f'{{"message": "{MARK}"}}'.encode()), "."),
    ],
)
def test_a_server_that_answers_otherwise(
    server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object, said: str
) -> None:
    server.refuse = answer  # type: ignore[assignment]
    uri = server.uri.replace("//", f"//user:{MARK}@")
    assert re.search(said, sentence(uri, tmp_path, monkeypatch))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (f"http://user:{MARK}@127.0.0.1:1", "connection refused.*start the server"),
        (f"http://user:{MARK}@no-such-host.invalid", "its host is unknown; correct the name"),
        (f"http://user:a/{MARK}@127.0.0.1", "characters @ / .*percent-encode"),
        (f"http://user:a@{MARK}@127.0.0.1", "characters @ / .*percent-encode"),
        (f"htp://user:{MARK}@host", "cannot read this URI; correct it"),
        (f"http://user:{MARK}@127.0.0.1:99999", "cannot read this URI; correct it"),
        (f"postgresql+nothing://u:{MARK}@127.0.0.1/db", "; "),
        (f"mysql+pymysql://u:{MARK}@127.0.0.1:1/db?token={MARK}", "Python package is missing"),
        ("sqlite:////proc/nowhere/mlflow.db", "; "),
        ("/somewhere/mlruns", "no longer keeps runs in plain folders"),
    ],
)
def test_an_address_that_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, said: str
) -> None:
    assert re.search(said, sentence(uri, tmp_path, monkeypatch))


def test_no_tls_at_the_port(
    server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = sentence(server.uri.replace("http", "https"), tmp_path, monkeypatch)
    assert "no TLS at this port" in said


@pytest.mark.parametrize("slow", ["connects, never answers", "one byte at a time"])
def test_a_server_that_never_answers_is_waited_for_in_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setattr(mlflow_client, "CALL", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if slow.startswith("one byte"):
            drip(listener)
        said = sentence(f"http://user:{MARK}@127.0.0.1:{port}", tmp_path, monkeypatch)
    assert "does not answer in time" in said


def drip(listener: socket.socket) -> None:
    import threading

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(20):
                time.sleep(0.1)
                connection.sendall(b" ")

    threading.Thread(target=serve, daemon=True).start()


@pytest.mark.parametrize("state", ["locked", "damaged", "another program's", "read-only"])
def test_a_file_that_cannot_be_used(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(mlflow_outage, "PATIENCE", 0.2)
    file = tmp_path / "mlflow.db"
    shutil.copy(empty_store, file)
    other = sqlite3.connect(file)
    expected = {
        "locked": "another program has locked it; close that program",
        "damaged": "damaged.*not a database.*move the file away",
        "another program's": "; ",
        "read-only": "cannot be written to .*check the folder and its permissions",
    }[state]
    if state == "locked":
        other.execute("BEGIN EXCLUSIVE")
    elif state == "damaged":
        file.write_bytes(os.urandom(5000))
    elif state == "another program's":
        other.execute("DROP TABLE experiments")
    else:
        connect_ = sqlite3.connect
        monkeypatch.setattr(
            sqlite3, "connect", lambda place, **o: connect_(place.replace("=rw", "=ro"), **o)
        )
    assert re.search(expected, sentence(f"sqlite:///{file}", tmp_path, monkeypatch))
    other.close()


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT]",
            "the disk is full; free",
        ),
        ("[Errno 28] No space left on device: '/x'", "the disk is full; free some space"),
        ("[Errno 122] Disk quota exceeded", "the disk is full; free some space"),
        ("(sqlite3.OperationalError) disk I/O error", "ulimit -f"),
        ("[Errno 27] File too large", "ulimit -f"),
        ("(sqlite3.OperationalError) attempt to write a readonly database", "cannot be written to"),
        ("[Errno 30] Read-only file system: '/x'", "cannot be written to"),
        ("(sqlite3.DatabaseError) database disk image is malformed", "damaged.*move the file away"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "not trusted"),
        (f'connection failed: FATAL: password authentication failed for "u", {MARK}', "the login"),
        (
            "Detected out-of-date database schema (found version 1, but expected 2)",
            "another version",
        ),
        (f"a library says {MARK}\nand more", r"it reports 'a library says \*\*\*'"),
        ("", "; "),
    ],
)
def test_what_an_error_means(message: str, said: str) -> None:
    problem = str(outage(RuntimeError(message), f"postgresql://u:{MARK}@host/db"))
    assert re.search(said, problem) and MARK not in problem and "\n" not in problem


# --- what a run does about it ----------------------------------------------------------------------------------------


def test_a_store_that_is_away_costs_nothing(
    project: Project,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    uri = f"http://user:{MARK}@127.0.0.1:{unused_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with caplog.at_level(logging.DEBUG):
        project.run("prompt_enhancement")
    (said,) = warnings(caplog)
    assert re.search("nothing answers.*; this run is not logged: the same command, run again", said)
    assert re.search(r"this run:\n +prompt_enhancement +2 made", caplog.text)
    assert MARK not in caplog.text + "".join(capfd.readouterr())
    assert files_with(project.data, MARK) == []


def test_a_store_that_goes_away_costs_nothing_and_gets_all_later(
    project: Project, store: Store, server: MlflowServer, caplog: pytest.LogCaptureFixture
) -> None:
    project.write_samples([row(1)])
    refused = []

    def gone(path: str) -> Answer | None:
        if project.work:
            refused.append(path)
        return html("502 Gone")(path) if project.work else None

    server.refuse = gone
    project.run("full")
    (said,) = warnings(caplog)
    assert re.search("MLflow at .*; the results are saved: .*--pipelines=reporting logs them", said)
    assert "the report: " in caplog.text
    assert len(refused) == 2, "the first call, and one attempt to close the run"

    server.reset()
    project.forget_work()
    caplog.clear()
    project.run("reporting")
    assert not warnings(caplog) and not any("load" in line for line in project.work)
    parent = store.parents()[0]
    vace = store.children(parent)["vace"]
    assert parent.info.run_name.startswith("reporting ") and parent.info.status == "FINISHED"
    assert store.artifacts(vace) == [
        "clips/s1.mp4",
        "contact_sheet.png",
        "means.json",
        "scores.json",
    ]
    assert {"Overall", "win_share"} <= set(vace.data.metrics)
    sent = set(store.artifacts(parent))
    tables = {"selection.json", "enhanced_references.json", "win_shares.json"}
    assert {"report.html", "contact_sheets/s1.png", "variant_means.svg"} | tables <= sent

    assert MARK not in caplog.text and files_with(project.folder, MARK) == []


def test_an_evaluation_is_logged_later(project: Project, store: Store) -> None:
    clips = project.folder / "made" / "ours"
    clips.mkdir(parents=True)
    frames = np.full((5, 32, 32, 3), 40, np.uint8)
    Mp4Dataset(filepath=str(clips / "s1.mp4")).save(Clip(frames, 8))
    project.write_samples([row(1)])
    where = {"clips_root": str(clips.parent)}
    project.run("evaluate", mlflow={"enabled": False}, **where)
    assert store.client.get_experiment_by_name("tests") is None
    project.forget_work()
    project.run("reporting", **where)
    (parent,) = store.parents()
    ours = store.children(parent)["ours"]
    assert store.artifacts(ours) == [
        "clips/s1.mp4",
        "contact_sheet.png",
        "means.json",
        "scores.json",
    ]
    assert "Overall" in ours.data.metrics and "report.html" in store.artifacts(parent)
    assert project.work == []
    with pytest.raises(RunStopped, match="checked_samples does not exist yet"):
        project.run("generation_variants")


def one_sample_fails(project: Project) -> None:
    """So that a run of one stage has a file to log: its table of failures."""
    project.write_samples([row(1, prompt=""), row(2)])
    project.configure(execution={"max_failures": 1})


def test_files_that_the_store_refuses_do_not_keep_runs_open(
    project: Project, store: Store, server: MlflowServer, caplog: pytest.LogCaptureFixture
) -> None:
    full = html("507 Insufficient Storage")
    server.refuse = lambda path: full(path) if "artifacts" in path else None
    one_sample_fails(project)
    project.run("prompt_enhancement")
    (said,) = warnings(caplog)
    assert "507 Server Error: Insufficient Storage" in said
    server.reset()
    (parent,) = store.parents()
    assert parent.info.status == "FINISHED" and store.artifacts(parent) == []
    assert parent.data.metrics["work.prompt_enhancement.done"] == 1
    project.run("prompt_enhancement")
    assert store.artifacts(store.parents()[0]) == ["failures.json"]


def test_local_artifacts_that_cannot_be_written(
    project: Project, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (store.file.parent / "mlartifacts").write_text("a file where a folder is needed")
    one_sample_fails(project)
    project.run("prompt_enhancement")
    (said,) = warnings(caplog)
    assert re.search("cannot be written to .*check the folder", said)
    assert {run.info.status for run in store.runs()} == {"FINISHED"}


@pytest.mark.parametrize("when", ["at the start", "at the end"])
def test_mlflow_may_be_required(
    project: Project,
    store: Store,
    server: MlflowServer,
    caplog: pytest.LogCaptureFixture,
    when: str,
) -> None:
    gone = html("502 Gone")
    server.refuse = lambda path: gone(path) if when == "at the start" or project.work else None
    with pytest.raises(RunStopped, match=r"mlflow\.required") as stop:
        project.run("prompt_enhancement", mlflow={"required": True})
    assert "\n" not in str(stop.value) and MARK not in str(stop.value)
    assert (project.work == []) == (when == "at the start")
    assert ("this run:" in caplog.text) == (when == "at the end")


def test_it_can_be_switched_off_for_one_run(
    project: Project, store: Store, server: MlflowServer
) -> None:
    project.run("prompt_enhancement", mlflow={"enabled": False})
    assert server.calls == []


def test_an_unknown_key_of_mlflow_yml_is_named(project: Project, store: Store) -> None:
    (project.conf / project.env / "mlflow.yml").write_text("requird: true\n")
    with pytest.raises(RunStopped, match=r"mlflow\.yml:\n  requird: "):
        project.run("prompt_enhancement")


def test_a_stop_while_the_store_is_away_is_quick(
    project: Project, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, experiment = connect(MlflowSettings(experiment=project.folder.name), project.folder)
    monkeypatch.setattr(mlflow_client, "CALL", 1.5)
    server.refuse = sleeps(4)
    with pytest.raises(MlflowAway, match="in time"):
        client.get_experiment(experiment)
    begin = time.monotonic()
    with pytest.raises(MlflowAway, match="in time"):
        client.get_experiment(experiment)
    close_all()
    assert time.monotonic() - begin < 1.4

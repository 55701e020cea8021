from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import av
import pytest

from mlflow_store import Store
from project import Project, row
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.mlflow.runs import RunLog, close_abandoned, connect, flatten
from tpige_kedro.hooks.mlflow.settings import MlflowSettings


def test_one_parent_and_a_child_per_variant(project: Project, store: Store) -> None:
    project.run("full")
    (parent,) = store.parents()
    children = store.children(parent)
    assert re.fullmatch(r"full fake \d\d \w+ \d\d:\d\d", parent.info.run_name)
    assert parent.info.status == "FINISHED"
    assert set(children) == {"hailuo", "vace", "vace_pe_ie"}
    assert {run.info.status for run in children.values()} == {"FINISHED"}
    assert parent.data.params["variants.vace_pe_ie.prompt"] == "enhanced"
    assert parent.data.params["scoring.overall.gme_score"] == "0.3"
    assert parent.data.tags["kedro.env"] == "fake" and parent.data.tags["tpige.version"]

    vace = children["vace"]
    assert vace.data.params["generator"] == "mini_vace"
    assert vace.data.params["model.type"] == "fakes.Generator"
    assert vace.data.params["guidance.text_schedule.decay"] == "constant"
    assert vace.data.metrics["work.generation_variants.done"] == 2
    assert {"Overall", "win_share", "seconds_per_clip"} <= set(vace.data.metrics)
    (overall,) = [
        m for m in store.table(vace, "means.json").to_dict("records") if m["metric"] == "overall"
    ]
    assert overall["mean"] == vace.data.metrics["Overall"] and overall["low"] <= overall["mean"]
    assert overall["n"] == 2 and overall["better"] == "higher"
    assert "| overall | 0." in vace.data.tags["mlflow.note.content"]
    assert store.artifacts(vace) == [
        "clips/s1.mp4",
        "contact_sheet.png",
        "means.json",
        "scores.json",
    ]
    with av.open(str(store.path(vace, "clips/s1.mp4"))) as clip:
        assert clip.streams.video[0].codec_context.name == "h264"

    hailuo = children["hailuo"]
    assert hailuo.data.tags["variant.status"] == "skipped"
    assert hailuo.data.tags["variant.reason"] == "no key: MINIMAX_API_KEY is not set"
    assert "Overall" not in hailuo.data.metrics

    assert {"report.html", "selection.json", "contact_sheets/s1.png"} <= set(
        store.artifacts(parent)
    )
    assert parent.data.metrics["moe.Overall"] >= vace.data.metrics["Overall"]
    best = max(run.data.metrics.get("Overall", 0) for run in children.values())
    assert parent.data.metrics["best.Overall"] == best
    assert "best variant: " in parent.data.tags["mlflow.note.content"]


def test_the_baseline_stands_first_then_the_best(
    project: Project, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    project.configure(moe={"baseline": "vace_pe_ie"})
    project.run("full")
    project.run("full", verify="full", seed=3)
    again, once = store.parents()
    assert again.info.run_name.startswith("full fake seed=3 ")
    for parent in (again, once):
        runs = store.runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
        order = sorted(runs, key=lambda run: run.data.tags["tpige.order"])
        assert [run.data.tags["variant"] for run in order] == ["vace_pe_ie", "vace", "hailuo"]
    assert (
        f"parentRunId%3D%27{again.info.run_id}%27&orderByKey=tags.%60tpige.order%60" in caplog.text
    )
    assert f"mlflow ui --backend-store-uri sqlite:///{store.file}, then open http" in caplog.text


def test_a_run_that_makes_nothing_of_other_parameters_is_logged_and_says_so(
    project: Project, store: Store
) -> None:
    project.run()
    project.run(verify="full")
    second, first = store.parents()
    assert re.fullmatch(r"[1-9]\d* made, 0 kept .*, 0 failed", first.data.tags["tpige.work"])
    assert second.data.tags["tpige.work"].startswith("nothing to do: all ")
    assert second.data.metrics["work.generation_variants.done"] == 0
    assert second.data.metrics["work.generation_variants.skipped"] == 4
    again, once = (store.children(run)["vace"].data.metrics for run in (second, first))
    assert again["Overall"] == once["Overall"]


def test_artifacts_are_logged_again_only_when_they_changed(project: Project, store: Store) -> None:
    project.run("full")
    project.run("full", verify="full")  # MLflow shows this parameter
    second, first = store.parents()
    assert store.artifacts(first) and store.artifacts(second) == []
    assert second.data.tags["tpige.artifacts"] == f"unchanged since run {first.info.run_id}"
    vace, before = (store.children(run)["vace"] for run in (second, first))
    assert store.artifacts(vace) == []
    assert vace.data.tags["tpige.artifacts"] == f"unchanged since run {before.info.run_id}"
    assert vace.data.metrics["Overall"] == before.data.metrics["Overall"]

    # another clip, and the same choice among the experts: sheets show who was chosen
    project.configure(variants={"vace_pe_ie": {"guidance": {"identity_weight": 0.6}}})
    project.run("full")
    third = store.children(store.parents()[0])
    assert store.artifacts(third["vace_pe_ie"]), "another clip"
    assert store.artifacts(third["vace"]) == [], "the same clips, scores and sheet"


@pytest.mark.parametrize("lost", ["the run is deleted", "the ledger is damaged"])
def test_artifacts_that_nobody_holds_are_logged_again(
    project: Project, store: Store, lost: str
) -> None:
    project.run("full")
    (first,) = store.parents()
    if lost == "the run is deleted":
        store.client.delete_run(first.info.run_id)
    else:
        (project.data / "08_reporting" / "mlflow_artifacts.json").write_text("{")
    project.run("full")
    assert "report.html" in store.artifacts(store.parents()[0])


def test_a_deleted_experiment_is_named(
    project: Project, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    experiment = store.client.create_experiment("tests")
    store.client.delete_experiment(experiment)
    project.run("prompt_enhancement")
    assert (
        f"tests was deleted; restore it (mlflow experiments restore --experiment-id {experiment})"
        in (caplog.text)
    )
    assert project.table("05_model_input/enhanced_prompts.parquet").shape[0] == 2


def test_a_damaged_store_says_what_to_do(
    project: Project, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.file.write_bytes(os.urandom(5000))
    project.run("prompt_enhancement")
    assert re.search("it is damaged.*not a database.*move the file away", caplog.text)


def test_failures_fail_the_run_and_the_variants_that_have_them(
    project: Project, store: Store
) -> None:
    project.write_samples([row(1, prompt="An unmakeable man."), row(2)])
    with pytest.raises(RunStopped):
        project.run()
    (parent,) = store.parents()
    status = {name: run.info.status for name, run in store.children(parent).items()}
    assert parent.info.status == "FAILED"
    assert status == {"hailuo": "FINISHED", "vace": "FAILED", "vace_pe_ie": "FAILED"}
    failures = store.table(parent, "failures.json")
    assert set(failures["item"]) == {"s1"} and failures["problem"].str.contains("refused").all()
    assert parent.data.metrics["work.generation_variants.failed"] == 2


def test_a_refused_sample_is_a_failure_of_the_run(project: Project, store: Store) -> None:
    project.write_samples([row(1, prompt=""), row(2)])
    with pytest.raises(RunStopped):
        project.run()
    (parent,) = store.parents()
    assert parent.info.status == "FAILED"
    assert store.table(parent, "failures.json")["stage"].tolist() == ["samples"]
    assert store.children(parent)["vace"].info.status == "FINISHED"


def test_a_crash_fails_the_run_where_it_happened(project: Project, store: Store) -> None:
    project.configure(variants={"vace": {"prompt": "original"}})
    project.write_samples([row(1), row(2, prompt="A man at a crash.")])
    with pytest.raises(MemoryError):
        project.run()
    (parent,) = store.parents()
    status = {name: run.info.status for name, run in store.children(parent).items()}
    assert parent.info.status == "FAILED" and "no memory left" in parent.data.tags["error"]
    assert status["vace"] == "FAILED" and status["vace_pe_ie"] == "KILLED"
    assert "Overall" not in store.children(parent)["vace"].data.metrics


def test_an_error_while_logging_an_error_hides_neither(
    project: Project,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(RunLog, "note_error", full)
    project.write_samples([row(1, prompt="A man at a crash.")])
    with pytest.raises(MemoryError, match="no memory left"):
        project.run()
    assert "MLflow could not record" in caplog.text and "No space left" in caplog.text


@pytest.mark.parametrize("uri", ["nonsense://here", "sqlite:////proc/nowhere/mlflow.db"])
def test_a_required_store_that_cannot_be_used_stops_the_run_before_it_works(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(RunStopped, match=r"MLFLOW_TRACKING_URI|correct it.*nothing was started"):
        project.run(mlflow={"required": True})
    assert project.work == []


def test_bad_parameters_open_no_run(project: Project, store: Store) -> None:
    with pytest.raises(RunStopped):
        project.run(seed="seven")
    assert store.client.get_experiment_by_name("tests") is None


def test_it_can_be_switched_off(project: Project, store: Store) -> None:
    (project.conf / project.env / "mlflow.yml").write_text("enabled: false\n")
    project.run("prompt_enhancement")
    assert [e.name for e in store.client.search_experiments()] == ["Default"]


def test_a_run_without_means_takes_no_place_on_the_chart_page(
    project: Project, store: Store
) -> None:
    project.run("prompt_enhancement", "reference_enhancement", "generation_variants")
    (parent,) = store.parents()
    assert not [r for r in store.children(parent).values() if "tpige.order" in r.data.tags]


def test_a_stage_without_variants_has_no_children(project: Project, store: Store) -> None:
    project.run("prompt_enhancement")
    (parent,) = store.parents()
    assert parent.info.run_name.startswith("prompt_enhancement ") and store.children(parent) == {}


def test_the_store_is_in_the_project_unless_the_environment_says_otherwise(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("project", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mlflow.db").write_bytes(empty_store.read_bytes())
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    client, experiment = connect(MlflowSettings(), tmp_path / "project")
    assert client.tracking_uri == f"sqlite:///{tmp_path}/project/mlflow.db"
    assert (
        client.get_experiment(experiment).artifact_location
        == (tmp_path / "project/mlartifacts").as_uri()
    )
    assert connect(MlflowSettings(), tmp_path / "project")[1] == experiment

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/elsewhere/mlflow.db")
    client, experiment = connect(
        MlflowSettings(tracking_uri="sqlite:///never.db"), tmp_path / "project"
    )
    assert client.tracking_uri.endswith("elsewhere/mlflow.db")
    assert (
        client.get_experiment(experiment).artifact_location
        == (tmp_path / "elsewhere/mlartifacts").as_uri()
    )


def test_runs_of_processes_that_are_gone_are_closed(store: Store) -> None:
    client = store.client
    experiment = client.create_experiment("tests")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    def open_run(pid: int, host: str) -> str:
        return str(
            client.create_run(
                experiment, tags={"tpige.pid": str(pid), "tpige.host": host}
            ).info.run_id
        )

    here = socket.gethostname()
    dead, alive, elsewhere = (
        open_run(gone.pid, here),
        open_run(os.getpid(), here),
        open_run(gone.pid, "another"),
    )
    close_abandoned(client, experiment)
    status = {run: client.get_run(run).info.status for run in (dead, alive, elsewhere)}
    assert status == {dead: "KILLED", alive: "RUNNING", elsewhere: "RUNNING"}


def test_flatten() -> None:
    nested = {"a": {"b": 1, "c": {"d": [1, "x"]}}, "e": {}, "f": None}
    assert flatten(nested) == {"a.b": 1, "a.c.d": '[1, "x"]', "e": "{}", "f": None}

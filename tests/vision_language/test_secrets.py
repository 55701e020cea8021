"""A full run with a service leaves neither the key nor a photo anywhere, and MLflow knows what it cost."""

from __future__ import annotations

import base64
import io
import logging

import pytest
from chat_server import Asked, serving
from PIL import Image
from service_project import ask, people

from mlflow_store import Store
from project import Project
from tpige_kedro.vision_language.pictures import data_uri


def plan(asked: Asked) -> str:
    """Errors that repeat the key: one passing, one that refuses a question for good."""
    if "scene 1 " in asked.key:
        return "400"
    return "500" if asked.nth == 0 else "good"


def test_no_key_and_no_photo_in_logs_records_mlflow_and_artifacts(
    project: Project,
    store: Store,
    key: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    people(project, persons=2, prompts=2)
    project.configure(execution={"max_failures": 10}, reference_enhancement={"writer": "reader"})
    with serving(plan=plan) as server:
        ask(project, server)
        project.run("full")
        assert any(asked.headers["authorization"] == f"Bearer {key}" for asked in server.asked)
    photo = data_uri(Image.open(project.samples / "references" / "p0.png"), 768)
    body = photo.partition(",")[2]
    assert any(photo in str(asked.body) for asked in server.asked), "it was uploaded"
    pixels = base64.b64decode(body)
    secrets = {"key": key.encode(), "photo": body[40:120].encode(), "pixels": pixels[-60:]}
    files = [f for f in project.folder.rglob("*") if f.is_file() and "samples" not in f.parts]
    assert len(files) > 60 and {".db", ".json", ".parquet", ".html"} <= {f.suffix for f in files}
    for name, secret in secrets.items():
        assert [f for f in files if secret in f.read_bytes()] == [], name
        if name == "pixels":
            continue
        assert secret.decode() not in "".join(capfd.readouterr()), name
        own = [r.getMessage() for r in caplog.records if r.name.startswith(("tpige", "kedro"))]
        assert secret.decode() not in "\n".join(own), name
    assert key not in caplog.text
    the_costs_are_logged(store, len(server.asked))
    the_questions_are_traced(store)


def the_costs_are_logged(store: Store, requests: int) -> None:
    (parent,) = store.parents()
    metrics = parent.data.metrics
    assert metrics["language_model.requests"] >= requests
    assert metrics["language_model.input_tokens"] == 100 * metrics["language_model.answers"] > 0
    assert metrics["language_model.output_tokens"] > 0 and metrics["language_model.latency"] > 0
    assert metrics["prompts.model"] == 3 and metrics["prompts.clause"] == 1
    assert metrics["prompt_checks.service"] == 1
    assert "prompt_checks.json" in store.artifacts(parent)


def the_questions_are_traced(store: Store) -> None:
    (parent,) = store.parents()
    experiment = parent.info.experiment_id
    traces = store.client.search_traces([experiment])
    assert traces
    for trace in traces:
        assert trace.info.trace_metadata["mlflow.sourceRun"] == parent.info.run_id
    text = str([span.inputs for trace in traces for span in trace.data.spans])
    assert "not kept" in text and "nobody else is there" in text
    assert "data:image" not in text and "attachment" not in text


def test_the_report_counts_the_checks(project: Project, key: str) -> None:
    people(project, persons=1, prompts=2)
    with serving(plan=lambda a: "clothes" if a.nth == 0 and not a.reads_face else "good") as server:
        ask(project, server)
        project.run("full")
    html = (project.data / "08_reporting" / "report.html").read_text()
    row = html.partition('data-check="facial_only"')[2].partition("</tr>")[0]
    assert row.count("<td>2</td>") == 3 and "<td>0</td>" in row


def test_what_is_uploaded_has_no_metadata() -> None:
    photo = Image.new("RGB", (64, 64), "red")
    photo.info["exif"] = b"Exif\x00\x00secret"
    data = base64.b64decode(data_uri(photo, 32).partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (32, 32) and b"secret" not in data

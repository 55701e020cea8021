"""The tracking store breaks while language models are asked."""

from __future__ import annotations

import logging

import pytest
from chat_server import Asked, serving
from service_project import ask, people

from mlflow_store import Store
from project import Project


def test_traces_that_cannot_be_kept_cost_nothing(
    project: Project, store: Store, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    def plan(asked: Asked) -> str:
        store.file.write_bytes(b"no database" * 20_000)
        return "good"

    people(project, persons=2, prompts=2)
    with serving(plan=plan) as server:
        ask(project, server)
        project.run("prompt_enhancement")
    said = [r for r in caplog.records if r.levelno >= logging.WARNING]
    texts = [r.getMessage() for r in said if r.name.startswith("tpige_kedro.hooks.mlflow")]
    assert texts and all(t.startswith("MLflow at sqlite:") and "\n" not in t for t in texts)
    assert any("requests to language models are no longer traced" in t for t in texts)
    assert len(said) == len(texts) <= 2, "no library says more"
    assert len(project.table("05_model_input/enhanced_prompts.parquet")) == 4

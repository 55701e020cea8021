"""Whole runs with the paid service among the variants: its key stays out of everything, consent comes before any upload."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from mlflow_store import Store
from project import Project, row
from tpige_kedro.datasets import Clip, Mp4Dataset
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.provenance import SOURCE_TYPE
from video_generators.minimax_server import KEY, Account, start

HAILUO = "tpige_kedro.video_generators.hailuo.Hailuo"


@pytest.fixture
def account(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """The service, and a project whose variant ``hailuo`` uses it."""
    file = project.folder / "made.mp4"
    frames = np.full((5, 48, 64, 3), 90, np.uint8)
    Mp4Dataset(filepath=str(file)).save(Clip(frames, 25))
    account = Account(clip=file.read_bytes())
    server = start(account)
    quick = {"poll_seconds": 0.01, "backoff_seconds": 0.001}
    options = {"base_url": f"http://127.0.0.1:{server.server_port}", **quick}
    project.configure(models={"hailuo": {"type": HAILUO, "options": options}})
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "*")
    yield account
    server.shutdown()
    server.server_close()


def files_with(folder: Path, secret: str) -> list[str]:
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and secret.encode() in file.read_bytes()
    ]


def test_the_key_is_in_no_log_record_database_or_artifact(
    project: Project, store: Store, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.verdicts["runs"] = "refused at once"  # the refusal echoes the key
    with caplog.at_level(logging.DEBUG), pytest.raises(RunStopped, match="content policy"):
        project.run("full")
    record = json.loads((project.data / "07_model_output/clips/hailuo/s1.json").read_text())
    assert record["generator"]["task_id"] in account.tasks and record["fps"] == 25
    assert record["ai_generated"] is True and record["digital_source_type"] == SOURCE_TYPE
    failed = json.loads((project.data / "07_model_output/clips/hailuo/s2.json").read_text())
    assert "content policy" in failed["failure"]["message"]
    assert files_with(project.folder, record["generator"]["task_id"]), "the search finds things"
    assert files_with(project.folder, KEY) == [] and KEY not in caplog.text
    assert store.parents()


def test_a_second_run_calls_the_service_for_nothing(project: Project, account: Account) -> None:
    project.run()
    assert len(account.tasks) == 2
    calls = len(account.calls)
    project.run()
    assert len(account.calls) == calls


def test_no_upload_and_no_generation_without_consent(project: Project, account: Account) -> None:
    project.write_samples([row(1, consent="absent"), row(2, consent="granted")])
    with pytest.raises(RunStopped, match="no consent of the person"):
        project.run()
    assert len(account.tasks) == 1, "of the one who consented"
    worked = (project.folder / "fakes.log").read_text()
    assert "s2" in worked and "s1" not in worked
    assert not [f for f in project.files("07_model_output/clips/**/*.mp4") if "s1" in f]


def test_every_clip_says_that_it_is_ai_made(project: Project) -> None:
    project.run("prompt_enhancement", "reference_enhancement", "generation_variants")
    clips = project.files("07_model_output/clips/**/*.mp4")
    assert len(clips) == 4
    for clip in clips:
        assert SOURCE_TYPE.encode() in (project.data / clip).read_bytes()
        with av.open(str(project.data / clip)) as container:
            assert "AI-generated" in container.metadata["comment"]
    for picture in project.files("05_model_input/enhanced_references/*.png"):
        assert SOURCE_TYPE.encode() in (project.data / picture).read_bytes()


def test_mlflow_sees_each_reference_before_and_after(project: Project, store: Store) -> None:
    project.run("prompt_enhancement", "reference_enhancement")
    (parent,) = store.parents()
    assert parent.data.metrics["references.redrawn"] == 2
    assert parent.data.metrics["references.similarity.mean"] == pytest.approx(0.9)
    assert {"enhanced_references.json", "references_before_after.png"} <= set(
        store.artifacts(parent)
    )

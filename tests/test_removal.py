"""People who withdraw their consent, or leave the list: nothing of theirs is shown, counted or uploaded, and the run says what is left."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_store import Store
from project import ROOT, Project, row
from tpige_kedro.hooks.errors import RunStopped


def shown(project: Project) -> str:
    """All that a reader reads: report, tables, overview. Letters of embedded pictures may spell anything."""
    files = [*project.data.glob("08_reporting/*.csv"), project.data / "08_reporting/report.html"]
    return re.sub(r"data:[^\"']+", "data:", "".join(file.read_text() for file in files))


@pytest.mark.parametrize("how", ["refused", "removed"])
def test_their_files_go_nowhere_and_the_run_says_where_they_are(
    project: Project, store: Store, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    project.write_samples([row(1), row(2)])
    project.run("full")
    if how == "refused":
        project.write_samples([row(1, consent="absent"), row(2)])
        with pytest.raises(RunStopped, match="no consent"):
            project.run("full")
    else:
        project.write_samples([row(2)])
        project.run("full")
    latest = store.parents()[0]
    uploaded = [latest, *store.children(latest).values()]
    artifacts = [name for run in uploaded for name in store.artifacts(run)]
    assert "contact_sheets/s2.png" in artifacts and "clips/s2.mp4" in artifacts
    assert not [name for name in artifacts if "s1" in name]
    for run in uploaded:
        for name in store.artifacts(run):
            if name.endswith((".json", ".html")) and name != "failures.json":
                assert '"s1"' not in store.path(run, name).read_text(), name
    assert "s1.html" not in shown(project)
    left = [f for f in project.data.rglob("*") if f.stem in {"s1", "p1"}]
    assert len(left) == 18
    assert f"p1 is not among the samples of this run, and {len(left)} files" in caplog.text
    assert f"kedro forget p1 --data-root {project.data}" in caplog.text


def test_a_part_of_the_samples_is_no_removal(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.run("full")
    part = project.folder / "part.csv"
    part.write_text("sample_id\ns2\n")
    project.run("full", sample_list=str(part))
    assert "is not among the samples" not in caplog.text


def test_a_failure_of_a_removed_sample_is_not_shown(project: Project) -> None:
    project.write_samples([row(1, prompt="An unmakeable man."), row(2)])
    with pytest.raises(RunStopped):
        project.run("full")
    assert "unmakeable" in shown(project)
    project.write_samples([row(2)])
    project.run("full")
    assert "unmakeable" not in shown(project) and "s1" not in shown(project)


def test_a_failed_attempt_voids_nothing(project: Project) -> None:
    project.write_samples([row(1, prompt="A man reads."), row(2)])
    project.run("full")
    project.write_samples([row(1, prompt="An unmakeable man."), row(2)])
    with pytest.raises(RunStopped):
        project.run("full")
    project.write_samples([row(1, prompt="A man reads."), row(2)])
    project.forget_work()
    project.run("full")
    assert [w for w in project.work if w.startswith("generate")] == []


def test_forget_leaves_nothing_of_a_person(project: Project, store: Store) -> None:
    project.run("full")
    command = [sys.executable, "-m", "kedro", "forget", "p1", "--yes"]
    command += [f"--data-root={project.data}", f"--samples-root={project.samples}"]
    command += [f"--env={project.env}", f"--conf-source={project.conf}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [f for f in project.data.rglob("*") if f.stem in {"s1", "p1"}]
    (parent,) = store.parents()
    for run in (parent, *store.children(parent).values()):
        for name in store.artifacts(run):
            file: Path = store.path(run, name)
            assert "s1" not in name
            assert file.suffix != ".json" or "s1" not in file.read_text(), name
    assert (project.samples / "references" / "r1.png").exists(), "the photo is the user's own"
    project.write_samples([row(2, prompt="A man runs.")])
    project.forget_work()
    project.run("full")
    assert [w for w in project.work if w.startswith("generate")] == [], "the other's are kept"

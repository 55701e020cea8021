"""kill -9 at moments spread over all stages, in a first run and after a change of parameters; SIGTERM and Ctrl-C."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from mlflow_store import Store
from project import Project, row
from test_tamper import results
from warm import WarmCommand

KILLS = int(
    os.environ.get("TPIGE_KILLS", "5")
)  # of a first run, and as many of a rerun after a change; TPIGE_KILLS sets another number
CHANGE = {"variants": {"vace": {"guidance": {"text_weight": 5.5}}}}


def wait_for(process: WarmCommand, project: Project, items: int) -> None:
    """Until the stand-ins have worked on so many items, or the process has ended."""
    while process.poll() is None and len(project.work) < items:
        time.sleep(0.01)


def kill_at(project: Project, items: int, delay: float) -> bool:
    """Start a full run and kill it ``delay`` seconds after ``items`` more items; whether it was still alive.

    An item takes so long that a fast machine does not end the run before the last kill.
    """
    already = len(project.work)
    process = project.warm_command("--pipelines=full", FAKES_SECONDS="0.05")
    wait_for(process, project, already + items)
    time.sleep(delay)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def kill_again_and_again(project: Project, times: int, seed: int) -> int:
    """How many of ``times`` kills hit a run at work; their moments lie further and further from the start."""
    moments = random.Random(seed)
    return sum(
        kill_at(project, moments.randint(1, 12), moments.uniform(0, 0.8)) for _ in range(times)
    )


@pytest.fixture
def undisturbed(project: Project) -> Path:
    """The results of two runs that nobody disturbed: as configured, then with a change."""
    project.write_samples([row(n) for n in range(max(4, KILLS))])
    folder = project.folder / "undisturbed"
    project.run("full", data_root=str(folder))
    project.forget_work()
    return folder


def test_killed_runs_end_like_an_undisturbed_one(project: Project, undisturbed: Path) -> None:
    assert kill_again_and_again(project, KILLS, seed=7) == KILLS
    project.run("full")
    assert results(project.data) == results(undisturbed)
    assert not list(project.data.rglob(".tmp-*"))

    project.configure(**CHANGE)
    assert kill_again_and_again(project, KILLS, seed=8) >= 2, "runs with little to do end soon"
    project.run("full")
    project.run("full", data_root=str(undisturbed))
    assert results(project.data) == results(undisturbed)


@pytest.mark.parametrize(
    ("number", "code", "name"), [(signal.SIGTERM, 143, "SIGTERM"), (signal.SIGINT, 130, "Ctrl-C")]
)
def test_a_stop_keeps_results_and_leaves_nothing_open(
    project: Project, store: Store, number: signal.Signals, code: int, name: str
) -> None:
    project.write_samples([row(n) for n in range(4)])
    process = project.warm_command("--pipelines=full", FAKES_SECONDS="0.1")
    wait_for(process, project, 14)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code, output
    assert f"stopped ({name}): finished items are kept; run the same command again" in output
    assert "this run:\n" in output and " left" in output
    assert "Traceback" not in output
    assert {run.info.status for run in store.runs()} == {"KILLED"}
    assert not (project.data / "run.lock").exists()
    done = len(project.work)
    project.run("full")
    assert 0 < len(project.work) - done < done + 60
    assert project.work.count("read face") == 4, "what was read is kept"

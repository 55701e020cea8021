"""Two workers in processes of their own, with and without Ray: killed, broken, hanging, and out of memory."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from engine_jobs import Stage, numbers
from test_worker_pool import failures, records

from project import ROOT, Project, row
from test_tamper import results
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.engines.local import Local
from tpige_kedro.execution.engines.pool import Pool, Terms
from tpige_kedro.execution.engines.process_crew import ProcessCrew, processes_problem
from tpige_kedro.execution.engines.protocol import Lost
from tpige_kedro.execution.engines.ray_crew import RayCrew, as_before
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.schemas import Execution

MISSING = "ray is not installed: pip install 'tpige_kedro[ray]'"


class Lasting(Pool):
    """Its workers stay for the next test: to start one takes a second."""

    def close(self) -> None: ...


@pytest.fixture(scope="module", params=[RayCrew, ProcessCrew])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    if request.param is RayCrew:
        request.getfixturevalue("ray_here")
    lasting = Lasting(request.param(Execution(workers=2, threads=1, worker_gib=0.8)))
    yield lasting
    Pool.close(lasting)


def test_records_are_those_of_the_local_engine(tmp_path: Path, pool: Pool) -> None:
    requests = {**numbers(12), "odd": "odd"}
    local = Stage(tmp_path / "local", requests, ".txt").run(Local())
    stage = Stage(tmp_path / "ray", requests, ".txt", seconds=0.05)
    stage.run(pool)
    assert records(stage.items()) == records(local)
    assert failures(stage) == {"odd": ("KeyError", "'odd is odd'")}
    assert len(stage.processes()) == 2 and str(os.getpid()) not in stage.processes()


def test_workers_are_killed_at_random_moments(tmp_path: Path, pool: Pool) -> None:
    """Four kills from outside while forty jobs are done: all arrive, none twice."""
    stage = Stage(tmp_path, numbers(40), ".txt", seconds=0.1)
    pool.terms = Terms(tries=20)
    dice, killed = random.Random(3), []

    def kill() -> None:
        while len(killed) < 4 and not over.wait(dice.uniform(0.1, 0.6)):
            pids = [seat.pid for seat in pool._seats if seat.worker and seat.is_busy]
            if pids and len(stage.commits) > 4 * len(killed):  # spread over the run
                killed.append(dice.choice(pids))
                os.kill(killed[-1], signal.SIGKILL)

    over = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    stage.run(pool)
    over.set()
    killer.join()
    assert len(killed) >= 2
    assert sorted(stage.commits) == sorted(stage.requests) and failures(stage) == {}
    assert len(stage.processes()) >= 3


def test_what_goes_wrong_with_one_job_takes_no_other_with_it(tmp_path: Path, pool: Pool) -> None:
    bad = {"killed": "die", "broken": "cuda once", "late": "hang", "big": "eat"}
    stage = Stage(tmp_path, {**bad, **numbers(8)})
    pool.terms = Terms(tries=1, time_limit=10)
    stage.run(pool)
    found = failures(stage)
    assert sorted(stage.commits) == sorted(numbers(8))
    assert set(found) == set(bad)
    assert "its process was killed, " in found["killed"][1]
    assert "longer than execution.time_limit, 10 s" in found["late"][1]
    assert "took more memory than execution.worker_gib (0.8)" in found["big"][1]
    assert found["broken"][0] == "RuntimeError"


DRIVER = """
import sys
from pathlib import Path
from engine_jobs import Stage, numbers
from tpige_kedro.execution.engines.build import build_engine
from tpige_kedro.schemas import Execution
settings = Execution(engine=sys.argv[2], workers=2, threads=1, address=sys.argv[3] or None)
Stage(Path(sys.argv[1]), numbers(30), ".txt", seconds=0.2).run(build_engine(settings))
"""


@pytest.mark.parametrize("engine", ["ray", "processes"])
def test_the_process_that_commits_is_killed_and_the_rerun_goes_on(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue("ray_here") if engine == "ray" else ""
    paths = [ROOT / "src", ROOT / "tests", Path(__file__).parent]
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path), engine, address],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
    )
    done = tmp_path / "items"
    while process.poll() is None and len(list(done.glob("*.txt"))) < 6:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    stage = Stage(tmp_path, numbers(30), ".txt")
    pids = {int(pid) for pid in stage.processes()}
    stage.run(Local())
    assert 0 < len(stage.commits) < 30, "what was saved is kept"
    assert len(stage.items().load()) == 30
    patience = time.monotonic() + 30
    while any(alive(pid) for pid in pids) and time.monotonic() < patience:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in pids), "its workers ended"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_whole_run_with_two_workers_is_the_local_one(
    project: Project, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.terms = Terms()
    engines = {"local": Local(), "processes": pool}
    monkeypatch.setattr("tpige_kedro.hooks.engine.build_engine", lambda s: engines[s.engine])
    project.write_samples([row(1), row(2, prompt="unmakeable"), row(3, prompt="faceless")])
    tables = {}
    for name in ("local", "processes"):
        execution = {"engine": name, "workers": 2, "max_failures": 20}
        folder = project.folder / name
        project.run("full", data_root=str(folder), execution=execution)
        tables[name] = results(folder)
    assert tables["processes"].keys() == tables["local"].keys()
    assert [n for n, found in tables["processes"].items() if found != tables["local"][n]] == []


# --- without starting it ----------------------------------------------------------------------------------------------------------


def test_without_ray_the_run_says_what_to_install(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tpige_kedro.execution.engines.ray_crew.find_spec", lambda name: None)
    with pytest.raises(RunStopped, match=r"pip install 'tpige_kedro\[ray\]'"):
        project.run(execution={"engine": "ray"})
    assert project.work == []
    project.run(execution={"engine": "local"})


def test_windows_has_no_such_processes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpige_kedro.execution.engines.process_crew.sys.platform", "win32")
    assert "set execution.engine to local" in processes_problem()
    monkeypatch.undo()
    monkeypatch.setattr("tpige_kedro.execution.engines.build.processes_problem", lambda: "not here")
    with pytest.raises(RunStopped, match="not here"):
        project.run(execution={"engine": "processes"})
    assert project.work == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"engine": "dask"}, "execution.engine: "),
        ({"workers": 0}, "execution.workers"),
        ({"workers": "all"}, "execution.workers"),
        ({"gpus_per_worker": 0}, "execution.gpus_per_worker: "),
        ({"tries": 0}, "execution.tries: "),
        ({"time_limit": -1.0}, "execution.time_limit: "),
        ({"worker": 2}, "execution.worker: unknown key; did you mean workers?"),
    ],
)
def test_settings_are_checked(project: Project, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(RunStopped) as stopped:
        project.run(execution=wrong)
    assert said in str(stopped.value)


def test_a_ray_that_somebody_else_runs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason=MISSING)

    asked: dict[str, Any] = {}
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: asked.update(options))
    RayCrew(Execution(engine="ray"))._connect()
    assert asked["address"] == "local" and asked["include_dashboard"] is False
    RayCrew(Execution(engine="ray", address="10.0.0.2:6379"))._connect()
    assert asked["address"] == "10.0.0.2:6379"


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason=MISSING)

    def refused(**_: Any) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refused)
    with pytest.raises(TpigeError, match=r"Ray does not start \(10\.0\.0\.2:6379\): nobody there"):
        RayCrew(Execution(engine="ray", address="10.0.0.2:6379"))._connect()


@pytest.mark.parametrize(
    ("said", "threads", "free_gib", "count"),
    [
        ("", 1, 64, 8),
        ("1", None, 64, 8),
        ("4", 1, 64, 2),
        ("", 3, 64, 2),
        ("", None, 64, 8),
        ("", 1, 7, 3),
        ("", 1, 0.5, 1),
        ("", 16, 64, 1),
    ],
)
def test_without_a_gpu_there_are_as_many_workers_as_processors_and_memory_allow(
    monkeypatch: pytest.MonkeyPatch, said: str, threads: int | None, free_gib: float, count: int
) -> None:
    free = SimpleNamespace(available=free_gib * 2**30)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    monkeypatch.setattr("tpige_kedro.execution.engines.process_crew.allowed", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    settings = Execution(engine="processes", threads=threads, cpu_workers=1)
    assert ProcessCrew(settings).places() == [*["gpu"] * count, "cpu"]


def test_each_process_has_gpus_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    given: list[tuple[str, ...]] = []

    class Noted:
        def __init__(self, surroundings: Any, gpus: tuple[str, ...], freed: Any) -> None:
            given.append(gpus)
            self.end = freed

    monkeypatch.setattr("tpige_kedro.execution.engines.process_crew.ProcessWorker", Noted)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,GPU-a,5,6")
    crew = ProcessCrew(Execution(engine="processes", gpus_per_worker=2))
    assert crew.places() == ["gpu", "gpu"]
    first, _, _ = crew.hire("gpu"), crew.hire("gpu"), crew.hire("cpu")
    assert given == [("7", "GPU-a"), ("5", "6"), ()]
    first.end()
    crew.hire("gpu")
    assert given[-1] == ("7", "GPU-a"), "its successor takes them over"
    with pytest.raises(TpigeError, match="3 workers of 2 GPUs each, and there are 4 GPUs"):
        ProcessCrew(Execution(engine="processes", gpus_per_worker=2, workers=3)).places()


def test_a_process_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "import sys; print('starting'); raise ImportError('no module of that name')"
    monkeypatch.setattr("tpige_kedro.execution.engines.process_crew.SERVE", broken)
    crew = ProcessCrew(Execution(engine="processes", workers=1))
    worker = crew.hire(crew.places()[0])
    ticket = worker.hello()
    assert crew.wait([ticket], 60) == [ticket]
    with pytest.raises(Lost, match="ImportError: no module of that name"):
        ticket.answer()
    worker.end()


def test_more_gpus_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason=MISSING)

    monkeypatch.setattr(RayCrew, "_connect", lambda self: None)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": 8.0, "CPU": 64.0})

    def places(**settings: Any) -> list[str]:
        return list(RayCrew(Execution(engine="ray", **settings)).places())

    assert places() == ["gpu"] * 8
    assert places(gpus_per_worker=2, cpu_workers=1) == [*["gpu"] * 4, "cpu"]
    with pytest.raises(TpigeError, match="5 workers of 2 GPUs each, and there are 8 GPUs"):
        places(workers=5, gpus_per_worker=2)


def test_signals_and_environment_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    before = signal.getsignal(signal.SIGTERM), sys.excepthook
    with as_before():
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.excepthook = print
    assert (signal.getsignal(signal.SIGTERM), sys.excepthook) == before
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"

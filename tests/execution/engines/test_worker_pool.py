"""The pool of workers, with workers in this process: what every engine has to do, and what it does about workers that fail."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine_jobs
import pytest
from engine_jobs import Stage, numbers
from kedro.io import DatasetError

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.engines.in_process import Died, InProcess, InProcessCrew
from tpige_kedro.execution.engines.in_use import use_engine
from tpige_kedro.execution.engines.local import Local
from tpige_kedro.execution.engines.pool import Pool, Terms
from tpige_kedro.execution.engines.protocol import Hello, Ticket
from tpige_kedro.execution.tally import paces, reset_tallies, tallies
from tpige_kedro.execution.work import Finished, Job, Result, Work

MINE = ("seconds", "environment")  # of a record: they depend on where and when it was made


@pytest.fixture(autouse=True)
def fresh() -> None:
    reset_tallies()


def records(items: ItemFolder) -> dict[str, dict[str, Any]]:
    """All records without times."""
    found = {}
    for key in items.load():
        record = {k: v for k, v in items.record_of(key).items() if k not in MINE}
        if "output" in record:
            del record["output"]["mtime_ns"]
        found[key] = record
    return found


def run(folder: Path, requests: dict[str, Any], tries: int = 3, **stage: Any) -> Stage:
    made = Stage(folder, requests, **stage)
    made.run(Pool(InProcessCrew(2), Terms(tries)))
    return made


def failures(stage: Stage) -> dict[str, tuple[str, str]]:
    return {k: (f.error, f.message) for k, f in stage.items().load().failures.items()}


@pytest.mark.parametrize("suffix", ["", ".txt"])
@pytest.mark.parametrize("size", [1, 3])
def test_records_are_those_of_the_local_engine(tmp_path: Path, suffix: str, size: int) -> None:
    requests = {**numbers(7), "odd": "odd"}
    local = Stage(tmp_path / "local", requests, suffix).run(Local())
    pool = run(tmp_path / "pool", requests, suffix=suffix, size=size)
    assert records(pool.items()) == records(local) and len(local.load()) == 7
    assert failures(pool) == {"odd": ("KeyError", "'odd is odd'")}
    assert sorted(pool.commits) == sorted(numbers(7)), "none twice"


def test_a_rerun_does_what_is_left(tmp_path: Path) -> None:
    run(tmp_path, numbers(3))
    again = run(tmp_path, {**numbers(5), "k0": 7})
    assert sorted(again.commits) == ["k0", "k3", "k4"]


def test_a_worker_that_dies_gives_its_job_back(tmp_path: Path) -> None:
    crew = InProcessCrew(2)
    stage = Stage(tmp_path, {**numbers(4), "bad": "die once"})
    stage.run(Pool(crew))
    assert sorted(stage.commits) == sorted(stage.requests) and failures(stage) == {}
    assert stage.attempts("bad") == 2 and len(crew.hired) == 3, "it was replaced"


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_a_poisoned_job_fails_by_name_and_takes_no_other_with_it(
    tmp_path: Path, tries: int
) -> None:
    stage = run(tmp_path, {"bad": "die", **numbers(6)}, tries=tries, size=3)
    assert sorted(stage.commits) == sorted(numbers(6))
    error, message = failures(stage)["bad"]
    assert error == "WorkerLost" and message.startswith("bad: its worker was lost ")
    assert stage.attempts("bad") == tries + 1, "once with others, then by itself"
    assert len(tallies()[0].failures) == 1


@pytest.mark.parametrize("kind", ["cuda", "cuda_told"])
def test_a_broken_gpu_costs_its_worker(tmp_path: Path, kind: str) -> None:
    crew = InProcessCrew(1)
    stage = Stage(tmp_path, {"a": 1, "bad": kind, "passing": f"{kind} once", "b": 2})
    stage.run(Pool(crew, Terms(tries=2)))
    assert sorted(stage.commits) == ["a", "b", "passing"]
    assert failures(stage)["bad"][0] == "RuntimeError" and "CUDA" in failures(stage)["bad"][1]
    assert stage.attempts("bad") == 2 and len(crew.hired) == 4, "three times it was broken"


def test_what_another_worker_would_raise_again_fails_at_once(tmp_path: Path) -> None:
    stage = run(tmp_path, {"bad": "settings", "worse": "crash", **numbers(2)})
    assert failures(stage)["bad"] == ("ValueError", "skip_layers: there is no layer 99")
    assert stage.attempts("bad") == 1
    assert failures(stage)["worse"][1] == "shapes do not match (tried 3 times)"
    assert sorted(stage.commits) == ["k0", "k1"]


def test_a_worker_that_cannot_load_a_model_leaves_it_to_others(tmp_path: Path) -> None:
    """Else the one whose GPU is full would be the fastest, and fail at everything."""
    crew = InProcessCrew(2)
    requests = {f"full{i}": "full gpu" for i in range(6)}
    stage = Stage(tmp_path, requests)
    stage.run(Pool(crew))
    assert sorted(stage.commits) == sorted(requests) and failures(stage) == {}
    assert sorted(worker.done for worker in crew.hired) == [1, 6]


def test_a_model_that_no_worker_can_load_fails_all_that_needs_it_at_once(tmp_path: Path) -> None:
    crew = InProcessCrew(1)
    requests = {f"full{i}": "full gpu" for i in range(6)}
    stage = Stage(tmp_path, {**requests, **numbers(2)}, models=dict.fromkeys(numbers(2), "other"))
    stage.run(Pool(crew))
    assert sorted(stage.commits) == ["k0", "k1"], "other models go on"
    assert set(failures(stage)) == set(requests) and crew.hired[0].done == 3


def test_an_error_that_cannot_travel_is_told_in_words(tmp_path: Path) -> None:
    stage = run(tmp_path, {"bad": "unportable"})
    assert failures(stage)["bad"] == ("TpigeError", "Unportable: has a lock (scorer x)")


def test_the_traceback_in_the_worker_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, {"bad": "crash"}, tries=1)
    assert "in harm" in caplog.text and "shapes do not match" in caplog.text


@dataclass
class Deadly(InProcessCrew):
    """Workers that die at random moments, before a task or after it."""

    dice: random.Random = random.Random(0)  # noqa: RUF009

    def hire(self, place: Any) -> InProcess:
        worker = super().hire(place)
        begin = worker.begin

        def risky(*given: Any) -> Any:
            ticket = begin(*given)
            answer, lot = ticket.answer, self.dice.random()

            def risky_answer() -> Any:
                if lot < 0.15:
                    worker.end()
                found = answer()
                if lot > 0.85:
                    worker.end()
                return found

            ticket.answer = risky_answer  # type: ignore[method-assign]
            return ticket

        worker.begin = risky  # type: ignore[method-assign]
        return worker


@pytest.mark.parametrize("seed", range(20))
def test_all_arrive_and_none_twice_whenever_workers_die(tmp_path: Path, seed: int) -> None:
    stage = Stage(tmp_path, numbers(12), size=1 + seed % 3)
    stage.run(Pool(Deadly(2, dice=random.Random(seed)), Terms(tries=50)))
    assert sorted(stage.commits) == sorted(stage.requests)


@dataclass
class Counting(InProcessCrew):
    most: int = 0
    patient: bool = False

    def wait(self, tickets: Iterable[Ticket], seconds: float) -> list[Ticket]:
        waiting = list(tickets)
        self.most = max(self.most, sum(len(seat.given) for seat in self.pool._seats))
        return waiting[:1]

    pool: Any = None


def test_two_tasks_a_worker_are_under_way_at_most(tmp_path: Path) -> None:
    crew = Counting(3)
    pool = crew.pool = Pool(crew)
    Stage(tmp_path, numbers(60)).run(pool)
    assert 3 < crew.most <= 6, "short ones have a successor at hand, and no more than one"


def test_a_worker_keeps_its_models_while_there_is_work_for_them(tmp_path: Path) -> None:
    """Tasks of two models in turns, two workers: each loads one model, or both if it helps the other to the end."""
    requests = numbers(20)
    models = {key: f"model{i % 2}" for i, key in enumerate(requests)}
    order: dict[int, list[str]] = {}

    class Watching(InProcessCrew):
        def hire(self, place: Any) -> InProcess:
            worker, begin = super().hire(place), None
            begin, mine = worker.begin, order.setdefault(len(self.hired), [])

            def watched(task: Any, write: Any) -> Any:
                mine.append(task.models)
                return begin(task, write)

            worker.begin = watched  # type: ignore[method-assign]
            return worker

    Stage(tmp_path, requests, models=models).run(Pool(Watching(2)))
    assert len(order) == 2
    for mine in order.values():
        switches = sum(a != b for a, b in itertools.pairwise(mine))
        assert switches <= 1, order


def test_what_costs_money_stays_in_this_process(tmp_path: Path) -> None:
    stage = Stage(tmp_path, numbers(4), here=frozenset({"k1", "k2"}))
    stage.run(Pool(InProcessCrew(1)))
    assert sorted(stage.commits) == sorted(stage.requests)
    only = Stage(tmp_path / "only", numbers(2), here=frozenset({"k0", "k1"}))
    crew = InProcessCrew(1)
    only.run(Pool(crew))
    assert sorted(only.commits) == ["k0", "k1"] and not crew.hired, "nobody was hired for it"


def test_what_is_raised_here_ends_the_run(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"bad": "settings", **numbers(2)}, here=frozenset({"bad"}))
    with pytest.raises(DatasetError, match="no layer 99"):
        stage.run(Pool(InProcessCrew(1)))


def test_a_run_that_ends_in_the_middle_ends_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = InProcessCrew(2)
    stage = Stage(tmp_path, numbers(6))
    items = stage.items()
    real = items.commit

    def full(job: Job, *rest: Any) -> None:
        if len(stage.commits) == 2:
            raise OSError(28, "No space left on device")
        real(job, *rest)

    items.commit = full  # type: ignore[method-assign]
    pool = Pool(crew)
    monkeypatch.setattr(stage, "items", lambda: items)
    with pytest.raises(DatasetError, match="No space left"):
        stage.run(pool)
    assert all(worker.is_dead for worker in crew.hired)
    again = run(tmp_path, numbers(6))
    assert len(again.commits) == 4, "the rerun goes on"


def test_workers_without_a_gpu_leave_gpus_alone(tmp_path: Path) -> None:
    crew = InProcessCrew(0, cpu_count=2)
    with pytest.raises(DatasetError, match="there is no worker for this work"):
        Stage(tmp_path, numbers(2)).run(Pool(crew))


def test_work_that_is_not_shared_is_done_here(tmp_path: Path) -> None:
    crew = InProcessCrew(2)
    pool = Pool(crew)
    stage = Stage(tmp_path, numbers(2))
    items = stage.items()
    does = engine_jobs.Squares(str(stage.marks))
    jobs = [Job("k0", "f", 3)]
    assert [k.key for k, _ in pool.answers(jobs, Work("x", jobs, does.produce), None)] == ["k0"]
    assert not crew.hired and items.write is None


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = InProcess.greeting

    def old(self: InProcess) -> Hello:
        said = real(self)
        return Hello("node7", said.pid, {**said.environment, "torch": "1.0"})

    monkeypatch.setattr(InProcess, "greeting", old)
    with pytest.raises(DatasetError, match=r"the worker on node7 has torch 1\.0, this process"):
        run(tmp_path, numbers(2))


def test_workers_that_do_not_start_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = InProcessCrew.hire

    hired: list[InProcess] = []

    def stillborn(self: InProcessCrew, place: Any) -> InProcess:
        worker = real(self, place)
        worker.end()
        hired.append(worker)
        return worker

    monkeypatch.setattr(InProcessCrew, "hire", stillborn)
    with pytest.raises(DatasetError, match="a worker died 3 times while it started"):
        run(tmp_path, numbers(2))
    assert len(hired) == 6, "three for each of two seats"


def test_a_stage_does_not_wait_for_workers_that_find_no_room(tmp_path: Path) -> None:
    """A machine of the cluster is gone: what was to start there waits, and is there for the next stage if it comes."""

    class Smaller(InProcessCrew):
        room = 1

        def wait(self, tickets: Iterable[Ticket], seconds: float) -> list[Ticket]:
            return [ticket for ticket in tickets if ticket.worker in self.hired[: self.room]]  # type: ignore[attr-defined]

    crew = Smaller(2)
    first, second = Stage(tmp_path / "a", numbers(5)), Stage(tmp_path / "b", numbers(5))
    with use_engine(Pool(crew, Terms())):
        first.items().save(first.work())
        assert sorted(first.commits) == sorted(first.requests)
        assert [worker.done > 0 for worker in crew.hired] == [True, False]
        crew.room = 2
        second.items().save(second.work())
    assert len(crew.hired) == 2 and all(worker.done for worker in crew.hired)


def test_bytes_that_changed_on_their_way_are_not_kept(tmp_path: Path) -> None:
    items = Stage(tmp_path, {}, ".txt").items()
    job = Job("k", "f", 1)
    work = Work("x", [job], lambda todo: iter([(job, Result(Finished(b"other", "0" * 64)))]))
    with pytest.raises(DatasetError, match="is not what its worker made"):
        items.save(work)
    assert not items.load()


def test_what_mlflow_shows(tmp_path: Path) -> None:
    run(tmp_path, numbers(5), seconds=0.01)
    (pace,) = paces()
    assert pace.stage == "squares" and pace.items == 5 and pace.per_hour > 0
    assert pace.gpu_seconds == pace.worker_seconds > 0.04


def test_a_line_says_how_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tpige_kedro.execution.engines.status.PERIOD", 0.0)
    caplog.set_level("INFO")
    run(tmp_path, {**numbers(5), "bad": "odd"})
    assert "squares: 5/6 done, " in caplog.text and "of 2 workers busy, " in caplog.text
    assert "squares: all 6 done in " in caplog.text and " s, 1 failed" in caplog.text


def test_a_death_is_no_exception_that_a_stage_could_swallow() -> None:
    assert not issubclass(Died, Exception) and issubclass(TpigeError, Exception)

"""When a run takes the lock and lets it go, in this process and with ``kedro run`` in a small project of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager, _register_hooks
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro_datasets.json import JSONDataset

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.lock import DataRootLock, Held
from tpige_kedro.execution.stopping import close_all
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.lock import LockHooks, ReleaseHooks, data_root_of

SRC = Path(__file__).parents[2] / "src"


class Loader(dict[str, Any]):
    """What of Kedro's config loader is used."""

    def __init__(self, globals_: dict[str, Any], **runtime: Any) -> None:
        super().__init__(globals=globals_, parameters=runtime)
        self.runtime_params = runtime


def context(project: Path, **runtime: Any) -> Any:
    loader = Loader({"data_root": "data"}, **runtime)
    return SimpleNamespace(config_loader=loader, project_path=project)


class Run:
    """The hook calls of one run, as Kedro makes them."""

    def __init__(self, project: Path, *others: Any, lock: LockHooks | None = None) -> None:
        self.project = project
        self.lock = lock or LockHooks()
        self.manager = _create_hook_manager()
        _register_hooks(self.manager, (*others, self.lock, ReleaseHooks(self.lock)))
        self.pipeline = pipeline([node(lambda: 1, None, "made", name="make")])

    def begin(self, place: Path | None = None, **runtime: Any) -> None:
        file = place or self.project / "data" / "08_reporting" / "made.json"
        dataset = JSONDataset(filepath=str(file))
        self.arguments = {"pipeline": self.pipeline, "catalog": DataCatalog({"made": dataset})}
        hook = self.manager.hook
        hook.after_context_created(context=context(self.project, **runtime))
        hook.before_pipeline_run(run_params={}, **self.arguments)

    def finish(self) -> None:
        self.manager.hook.after_pipeline_run(run_params={}, run_result={}, **self.arguments)

    def fail(self) -> None:
        error = ValueError("a node")
        self.manager.hook.on_pipeline_error(error=error, run_params={}, **self.arguments)


def is_locked(root: Path) -> bool:
    lock = DataRootLock(root)
    try:
        lock.acquire()
    except Held:
        return True
    lock.release()
    return False


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    close_all()


def test_where_the_data_root_is(tmp_path: Path) -> None:
    assert data_root_of(context(tmp_path)) == tmp_path / "data"
    assert data_root_of(context(tmp_path, data_root="other")) == tmp_path / "other"
    assert data_root_of(context(tmp_path, data_root="/abs")) == Path("/abs")
    bare = SimpleNamespace(config_loader=Loader({}), project_path=tmp_path)
    with pytest.raises(TpigeError, match="data_root is not set"):
        data_root_of(bare)


@pytest.mark.parametrize("end", [Run.finish, Run.fail])
def test_a_run_has_the_lock_until_it_ends(root: Path, end: Any) -> None:
    run = Run(root.parent)
    for _ in range(2):
        run.begin()
        assert is_locked(root)
        end(run)
        assert not is_locked(root)
    assert not list(root.iterdir())


def test_what_a_killed_run_left_half_written_is_deleted(root: Path) -> None:
    half, whole, items = (
        root / "08_reporting" / name
        for name in (".tmp-0a1b2c3d-table.csv", "table.csv", "clips/.tmp-0a1b2c3d-s1.mp4")
    )
    for file in (half, whole, items):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    run = Run(root.parent)
    run.begin()
    assert not half.exists() and whole.exists()
    assert items.exists(), "an item folder sweeps itself"
    run.finish()


def test_what_is_written_elsewhere_needs_no_lock(root: Path) -> None:
    run = Run(root.parent)
    run.begin(root.parent / "elsewhere" / "made.json")
    assert not is_locked(root)
    run.finish()


def test_what_stays_in_memory_needs_none_either(root: Path) -> None:
    run = Run(root.parent)
    run.manager.hook.after_context_created(context=context(root.parent))
    for catalog in (DataCatalog({"made": MemoryDataset()}), DataCatalog()):
        run.manager.hook.before_pipeline_run(run_params={}, pipeline=run.pipeline, catalog=catalog)
        assert not root.exists()


def test_a_second_run_is_refused_with_the_sentence_alone(root: Path) -> None:
    other = DataRootLock(root, "kedro run")
    other.acquire()
    with pytest.raises(RunStopped) as refused:
        Run(root.parent).begin()
    assert "another run is writing to" in str(refused.value)
    assert "\n" not in str(refused.value)
    other.release()


def test_it_waits_if_asked_to(root: Path) -> None:
    other = DataRootLock(root)
    other.acquire()
    threading.Timer(0.3, other.release).start()
    run = Run(root.parent)
    started = time.monotonic()
    run.begin(wait=True)
    assert time.monotonic() - started > 0.2 and is_locked(root)
    run.finish()


class Refuses:
    @hook_impl
    def before_pipeline_run(self) -> None:
        raise RunStopped("no store")

    @hook_impl
    def after_pipeline_run(self) -> None:
        raise RunStopped("too many failures")

    on_pipeline_error = after_pipeline_run


class RefusesAtTheEnd:
    after_pipeline_run = Refuses.after_pipeline_run
    on_pipeline_error = Refuses.after_pipeline_run


def test_a_hook_that_raises_before_the_run_leaves_no_lock(root: Path) -> None:
    with pytest.raises(RunStopped, match="no store"):
        Run(root.parent, Refuses()).begin()
    assert not is_locked(root)


@pytest.mark.parametrize("end", [Run.finish, Run.fail])
def test_nor_one_that_raises_after_it(root: Path, end: Any) -> None:
    run = Run(root.parent, RefusesAtTheEnd())
    run.begin()
    with pytest.raises(RunStopped, match="too many failures"):
        end(run)
    assert not is_locked(root)


def test_the_lock_is_still_held_while_other_hooks_finish(root: Path) -> None:
    seen: list[bool] = []

    class Reports:
        @hook_impl(trylast=True)
        def after_pipeline_run(self) -> None:
            seen.append(is_locked(root))

    run = Run(root.parent, Reports())
    run.begin()
    run.finish()
    assert seen == [True]


def test_an_interrupted_run_does_not_block_the_next_one(root: Path) -> None:
    """Kedro calls no hook on KeyboardInterrupt: the lock is still there when a notebook runs again."""
    run = Run(root.parent)
    run.begin()
    run.begin()
    assert is_locked(root)
    run.finish()
    assert not is_locked(root)


def test_two_threads_are_two_runs(root: Path) -> None:
    lock = LockHooks()
    first = Run(root.parent, lock=lock)
    first.begin()
    errors: list[str] = []

    def second() -> None:
        try:
            Run(root.parent, lock=lock).begin()
        except RunStopped as error:
            errors.append(str(error))

    thread = threading.Thread(target=second)
    thread.start()
    thread.join()
    assert f"pid {os.getpid()}" in errors[0]
    assert is_locked(root)
    first.finish()


def test_when_stopped_it_is_let_go(root: Path) -> None:
    Run(root.parent).begin()
    close_all()
    assert not is_locked(root)


def test_a_folder_that_cannot_be_locked_is_said_in_one_sentence(root: Path) -> None:
    root.parent.mkdir(exist_ok=True)
    root.write_text("a file")
    with pytest.raises(RunStopped, match=r"cannot lock .*data: .* there is a file where"):
        Run(root.parent).begin()


FILES = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "tiny"
        project_name = "tiny"
        kedro_init_version = "1.7.0"
    """,
    "conf/base/globals.yml": "data_root: data\n",
    "conf/base/parameters.yml": "wait: false\nseconds: 30\n",
    "conf/base/catalog.yml": """
        made:
          type: json.JSONDataset
          filepath: ${runtime_params:data_root, ${globals:data_root}}/08_reporting/made.json
    """,
    "conf/local/.gitkeep": "",
    "src/tiny/__init__.py": "",
    "src/tiny/settings.py": """
        from kedro.framework.hooks import hook_impl
        from tpige_kedro.execution.stopping import when_stopped
        from tpige_kedro.hooks.lock import LockHooks, ReleaseHooks
        class Runs:
            @hook_impl
            def before_pipeline_run(self):
                self.drop = when_stopped(lambda: print("runs killed", flush=True))
            @hook_impl
            def after_pipeline_run(self):
                self.drop()
        lock = LockHooks()
        HOOKS = (Runs(), lock, ReleaseHooks(lock))
        CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
    """,
    "src/tiny/pipeline_registry.py": """
        import time
        from kedro.framework.session import KedroSession
        from kedro.pipeline import node, pipeline
        def make(seconds):
            print("working", flush=True)
            time.sleep(seconds)
            return 1
        def make_inside(seconds):
            with KedroSession.create(runtime_params={"seconds": 0}) as session:
                session.run()
            make(seconds)
            return 2
        def register_pipelines():
            return {
                "__default__": pipeline([node(make, "params:seconds", "made", name="make")]),
                "inside": pipeline([node(make_inside, "params:seconds", "made", name="make")]),
            }
    """,
    "src/tiny/cli.py": """
        from tpige_kedro.cli import cli
        from tpige_kedro.commands.run import run
    """,
    "src/tiny/__main__.py": """
        from kedro.framework.cli.utils import find_run_command
        from kedro.framework.project import configure_project
        configure_project("tiny")
        find_run_command("tiny")()
    """,
}


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Any]:
    """Starts ``kedro run`` in a project whose one node takes its time; what still runs is killed at the end."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
        file.write_text("\n".join(line[indent:] for line in lines))
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, module: tuple[str, ...] = ("kedro", "run")) -> subprocess.Popen[str]:
        paths = os.pathsep.join([str(tmp_path / "src"), str(SRC)])
        process = subprocess.Popen(
            [sys.executable, "-m", *module, *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": paths, "DO_NOT_TRACK": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return
    raise AssertionError(f"{word} was never said")


@pytest.mark.parametrize(
    ("module", "number", "name", "code"),
    [
        (("kedro", "run"), signal.SIGTERM, "SIGTERM", 143),
        (("tiny",), signal.SIGINT, "Ctrl-C", 130),
    ],
)
def test_kedro_run_is_stopped_in_order(
    tiny: Any, tmp_path: Path, module: tuple[str, ...], number: int, name: str, code: int
) -> None:
    process = tiny(module=module)
    wait_for(process, "working")
    assert (tmp_path / "data/run.lock").exists()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "runs killed" in out
    assert err == (
        f"stopped ({name}): finished items are kept; run the same command again to go on\n"
    )
    assert not (tmp_path / "data/run.lock").exists()


def test_two_runs_at_once(tiny: Any, tmp_path: Path) -> None:
    first = tiny("--params=seconds=60")
    wait_for(first, "working")
    second = tiny("--params=seconds=0")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert err.startswith(f"Error: another run is writing to {tmp_path / 'data'}")
    assert f"host {socket.gethostname()}, pid {first.pid}, since " in err
    assert "kedro run --params=seconds=60" in err
    assert err.count("\n") == 1
    waiting = tiny("--params=seconds=0,wait=true")
    elsewhere = tiny(f"--params=seconds=0,data_root={tmp_path / 'other'}")
    assert elsewhere.wait(timeout=60) == 0
    first.kill()
    assert waiting.wait(timeout=60) == 0
    assert {f.name for f in (tmp_path / "data").iterdir()} == {"08_reporting"}

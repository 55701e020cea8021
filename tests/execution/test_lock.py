"""The lock among real processes: who gets it, who is refused, and what a dead holder leaves."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution import lock as lock_module
from tpige_kedro.execution.holder import Holder, this_command
from tpige_kedro.execution.lock import DataRootLock, Held, store_lock

HOLD = """
import sys, time
from pathlib import Path
from tpige_kedro.execution.lock import DataRootLock, Held
lock = DataRootLock(Path(sys.argv[1]), command="kedro run --env=test")
try:
    lock.acquire()
except Held as error:
    print(error, flush=True)
    sys.exit(3)
print("locked", flush=True)
sys.stdin.readline()
lock.release()
"""

# adds one to a file without any care for others, as often as it gets the lock
COUNT = """
import sys, time
from pathlib import Path
from tpige_kedro.execution import lock as module
module.POLL = 0.001
root = Path(sys.argv[1])
counter = root / "counter"
for _ in range(int(sys.argv[2])):
    lock = module.DataRootLock(root)
    lock.acquire(wait=True)
    seen = int(counter.read_text())
    time.sleep(0.0005)
    counter.write_text(str(seen + 1))
    lock.release()
"""

STORE = """
import sys, time
from pathlib import Path
from tpige_kedro.execution.lock import store_lock
root = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with store_lock(root / "mlflow.db"):
        seen = int((root / "counter").read_text())
        time.sleep(0.0005)
        (root / "counter").write_text(str(seen + 1))
"""


def start(script: str, *arguments: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = start(HOLD, tmp_path)
    assert first_line(process) == "locked"
    yield process
    process.kill()
    process.communicate()


def write_lock(root: Path, *, age: float = 0.0, **changes: Any) -> None:
    """What a holder that does not lock the file, or is dead, has left."""
    holder = {"host": "elsewhere", "pid": 1, "started": "then", "command": "kedro run"}
    file = root / "run.lock"
    file.write_text(json.dumps({**holder, **changes}))
    then = time.time() - age
    os.utime(file, (then, then))


def content(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "run.lock").read_text()))


def test_the_file_says_who_has_it_and_goes_with_the_lock(tmp_path: Path) -> None:
    root = tmp_path / "not" / "there" / "yet"
    lock = DataRootLock(root, command="kedro run")
    lock.acquire()
    found = content(root)
    assert (found["host"], found["pid"]) == (socket.gethostname(), os.getpid())
    assert found["command"] == "kedro run" and found["started"].startswith("20")
    lock.release()
    lock.release()
    assert list(root.iterdir()) == []


def test_a_second_process_is_refused_in_one_sentence(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    with pytest.raises(Held) as refused:
        DataRootLock(tmp_path).acquire()
    message = str(refused.value)
    assert "\n" not in message
    for part in (
        str(tmp_path), socket.gethostname(), f"pid {holder.pid}", "since 20", "kedro run --env=test",
        "--params=wait=true", "--params=data_root=",
    ):  # fmt: skip
        assert part in message
    holder.communicate("\n")
    lock = DataRootLock(tmp_path)
    lock.acquire()
    lock.release()


@pytest.mark.parametrize("count", [2, 3])
def test_of_several_starters_one_wins(tmp_path: Path, count: int) -> None:
    for attempt in range(3):
        root = tmp_path / str(attempt)
        processes = [start(HOLD, root) for _ in range(count)]
        lines = [first_line(process) for process in processes]
        assert lines.count("locked") == 1, lines
        assert sum("another run is writing" in line for line in lines) == count - 1
        for process in processes:
            process.communicate("\n")
        assert sorted(p.returncode for p in processes) == [0] + [3] * (count - 1)


def test_three_writers_lose_nothing(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    processes = [start(COUNT, tmp_path, 150) for _ in range(3)]
    assert [process.communicate()[0] for process in processes] == [""] * 3
    assert (tmp_path / "counter").read_text() == "450"
    assert [f.name for f in tmp_path.iterdir()] == ["counter"]


def test_the_lock_of_a_killed_process_is_free_at_once(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    holder.kill()
    holder.wait()
    assert content(tmp_path)["pid"] == holder.pid
    started = time.monotonic()
    lock = DataRootLock(tmp_path)
    lock.acquire()
    assert time.monotonic() - started < 10
    assert content(tmp_path)["pid"] == os.getpid()
    lock.release()


def test_after_a_kill_one_of_three_takes_over(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    holder.kill()
    holder.wait()
    processes = [start(HOLD, tmp_path) for _ in range(3)]
    lines = [first_line(process) for process in processes]
    assert lines.count("locked") == 1, lines
    for process in processes:
        process.communicate("\n")


def test_children_do_not_inherit_it(tmp_path: Path) -> None:
    """A child that outlives a killed parent, started as a program or forked, must not keep its lock."""
    script = """
import os, subprocess, sys, time, warnings
warnings.simplefilter("ignore")  # of forking beside a thread
from pathlib import Path
from tpige_kedro.execution.lock import DataRootLock
DataRootLock(Path(sys.argv[1])).acquire()
program = subprocess.Popen(["sleep", "30"], close_fds=False)
forked = os.fork()
if forked == 0:
    time.sleep(30)
    os._exit(0)
print(program.pid, forked, flush=True)
time.sleep(30)
"""
    process = start(script, tmp_path)
    children = [int(pid) for pid in first_line(process).split()]
    try:
        with pytest.raises(Held):
            DataRootLock(tmp_path).acquire()
        process.kill()
        process.wait()
        lock = DataRootLock(tmp_path)
        lock.acquire()
        lock.release()
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        process.communicate()


def test_a_forked_child_does_not_release_it(tmp_path: Path) -> None:
    lock = DataRootLock(tmp_path)
    lock.acquire()
    child = os.fork()
    if child == 0:
        lock.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert content(tmp_path)["pid"] == os.getpid()
    with pytest.raises(Held):
        DataRootLock(tmp_path).acquire()
    lock.release()


def test_two_threads_of_a_process_are_two_writers(tmp_path: Path) -> None:
    lock = DataRootLock(tmp_path)
    lock.acquire()
    found: list[str] = []

    def other() -> None:
        try:
            DataRootLock(tmp_path).acquire()
        except Held as error:
            found.append(str(error))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    lock.release()
    assert f"pid {os.getpid()}" in found[0]


def test_waiting_says_for_whom_and_ends_when_the_other_does(
    holder: subprocess.Popen[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(lock_module, "POLL", 0.02)
    caplog.set_level(logging.INFO)
    threading.Timer(0.4, holder.kill).start()
    lock = DataRootLock(tmp_path)
    started = time.monotonic()
    lock.acquire(wait=True)
    assert time.monotonic() - started > 0.3
    assert content(tmp_path)["pid"] == os.getpid()
    lock.release()
    [line] = [r.getMessage() for r in caplog.records]
    assert line.startswith("waiting for") and f"pid {holder.pid}" in line


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": "x"}'])
def test_an_unreadable_file_that_nobody_locks_is_stale(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.lock").write_text(text)
    lock = DataRootLock(tmp_path)
    lock.acquire()
    assert content(tmp_path)["pid"] == os.getpid()
    lock.release()


def test_another_host_is_alive_as_long_as_its_heart_beats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "SETTLING", 0.01)
    write_lock(tmp_path, age=30)
    with pytest.raises(Held, match="host elsewhere, pid 1, since then"):
        DataRootLock(tmp_path).acquire()
    assert content(tmp_path)["host"] == "elsewhere"
    write_lock(tmp_path, age=100)
    lock = DataRootLock(tmp_path)
    lock.acquire()
    assert content(tmp_path)["pid"] == os.getpid()
    lock.release()


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "BEAT", 0.02)
    lock = DataRootLock(tmp_path)
    lock.acquire()
    file = tmp_path / "run.lock"
    os.utime(file, (0, 0))
    deadline = time.monotonic() + 60
    while file.stat().st_mtime < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert time.time() - file.stat().st_mtime < 10
    lock.release()


def test_a_lock_that_was_taken_away_is_reported_and_left_to_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lock_module, "BEAT", 0.02)
    lock = DataRootLock(tmp_path)
    lock.acquire()
    (tmp_path / "run.lock").unlink()
    write_lock(tmp_path)
    deadline = time.monotonic() + 60
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "two runs may be writing" in caplog.text
    lock.release()
    assert content(tmp_path)["host"] == "elsewhere"


def test_of_two_hosts_that_take_over_at_once_the_last_one_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each replaces the other's file, where file locks of other hosts are not seen."""
    write_lock(tmp_path, age=100)
    real = lock_module.try_lock
    monkeypatch.setattr(lock_module, "try_lock", lambda handle: real(handle) and None)
    monkeypatch.setattr(lock_module, "SETTLING", 0.3)

    def other_host() -> None:
        temporary = tmp_path / "other"
        temporary.mkdir()
        write_lock(temporary, host="third")
        os.replace(temporary / "run.lock", tmp_path / "run.lock")

    threading.Timer(0.1, other_host).start()
    with pytest.raises(Held, match="host third"):
        DataRootLock(tmp_path).acquire()


def test_without_file_locks_heartbeat_and_pid_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "try_lock", lambda handle: None)
    monkeypatch.setattr(lock_module, "SETTLING", 0.01)
    first = DataRootLock(tmp_path)
    first.acquire()
    with pytest.raises(Held):
        DataRootLock(tmp_path).acquire()
    first.release()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write_lock(tmp_path, host=socket.gethostname(), pid=dead.pid)
    second = DataRootLock(tmp_path)
    second.acquire()
    second.release()


def test_disks_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    lock = DataRootLock(tmp_path)
    lock.acquire()
    with pytest.raises(Held, match=f"pid {os.getpid()}"):
        DataRootLock(tmp_path).acquire()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TpigeError, match="plain file: delete what is there"):
        DataRootLock(tmp_path).acquire()
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "run.lock").mkdir()
    with pytest.raises(TpigeError, match="plain file: delete what is there"):
        DataRootLock(tmp_path).acquire()


def test_a_file_in_place_of_the_data_root(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(TpigeError, match=r"cannot lock .*data: .*there is a file where a folder"):
        DataRootLock(tmp_path / "data").acquire()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(TpigeError, match="not writable: change its permissions or set another"):
        DataRootLock(tmp_path).acquire()
    tmp_path.chmod(0o700)


def test_a_read_only_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(lock_module, "open_if_there", refuse)
    with pytest.raises(TpigeError, match="read-only: set another data_root"):
        DataRootLock(tmp_path).acquire()


def test_the_command_is_shown_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/kedro", "run", "--params=a=b c"])
    assert this_command() == "kedro run '--params=a=b c'"
    monkeypatch.setattr(sys, "argv", ["/lib/kedro/__main__.py", "run"])
    assert this_command() == "kedro run"


def test_a_store_is_made_by_one_process_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    processes = [start(STORE, tmp_path, 100) for _ in range(3)]
    assert [process.communicate()[0] for process in processes] == [""] * 3
    assert (tmp_path / "counter").read_text() == "300"
    assert [f.name for f in tmp_path.iterdir()] == ["counter"]


def test_a_store_where_no_lock_can_be_made(tmp_path: Path) -> None:
    with store_lock(tmp_path / "absent" / "mlflow.db"):
        pass
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("host", "pid", "dead"),
    [
        (socket.gethostname(), os.getpid(), False),
        (socket.gethostname(), 2**22 + 1, True),  # beyond the largest pid
        (socket.gethostname(), 0, True),
        ("elsewhere", 2**22 + 1, False),  # nobody here can know
        ("elsewhere", os.getpid(), False),
    ],
    ids=[
        "this one",
        "beyond all",
        "none",
        "beyond all, elsewhere",
        "as here, elsewhere",
    ],  # not by the pid
)
def test_only_processes_of_this_host_are_known_to_be_dead(host: str, pid: int, dead: bool) -> None:
    assert Holder(host, pid, "now", "kedro run").is_dead is dead

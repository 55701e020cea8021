"""Signals to real processes: what is closed, what is said, and which exit code is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tpige_kedro.execution import stopping
from tpige_kedro.execution.stopping import (
    Stopped,
    close_all,
    stop_before_it_begins,
    stoppable,
    when_stopped,
)

LINE = "stopped ({}): finished items are kept; run the same command again to go on"

BEGIN = """
import click, os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from tpige_kedro.execution import stopping
from tpige_kedro.execution.stopping import stoppable, when_stopped

def say(text):
    print(text, flush=True)

def command(body):
    click.command()(stoppable(body))()
"""

PLAIN = """
def body():
    when_stopped(lambda: say("lock released"))
    when_stopped(lambda: 1 / 0)
    when_stopped(lambda: say("runs killed"))
    drop = when_stopped(lambda: say("was finished before"))
    drop()
    try:
        say("ready")
        while True:
            try:
                time.sleep(30)
            except Exception:
                say("taken for a failure of the item")
    finally:
        say("unwound")
command(body)
"""

SLOW_CLOSER = """
def body():
    when_stopped(lambda: (say("closing"), time.sleep(60)))
    say("ready")
    time.sleep(60)
command(body)
"""

# workers that wait for a service: the pool joins them before the exception gets out
STUCK_POOL = """
stopping.UNWINDING = 0.3
def body():
    when_stopped(lambda: say("lock released"))
    with ThreadPoolExecutor() as pool:
        pool.submit(time.sleep, 60)
        say("ready")
        pool.submit(time.sleep, 60).result()
command(body)
"""

STUCK_THREAD = """
def body():
    when_stopped(lambda: say("lock released"))
    pool = ThreadPoolExecutor()
    pool.submit(time.sleep, 60)
    say("ready")
    time.sleep(60)
command(body)
"""

SWALLOWED = """
stopping.UNWINDING = 0.3
def body():
    when_stopped(lambda: say("lock released"))
    say("ready")
    try:
        time.sleep(60)
    except BaseException:
        time.sleep(60)
command(body)
"""

WRAPPED = """
def body():
    when_stopped(lambda: say("lock released"))
    say("ready")
    try:
        time.sleep(60)
    except BaseException as error:
        raise RuntimeError("some library's own") from error
command(body)
"""

STUCK_STORE = """
stopping.UNWINDING, stopping.CLOSING = 0.3, 0.3
def body():
    when_stopped(lambda: time.sleep(60))
    say("ready")
    time.sleep(60)
command(body)
"""

CHILD = """
import multiprocessing
def body():
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    threading.Thread(target=time.sleep, args=(60,)).start()
    say(f"ready {child.pid}")
    time.sleep(60)
command(body)
"""

IGNORED = """
signal.signal(signal.SIGINT, signal.SIG_IGN)
def body():
    say("ready")
    time.sleep(1)
    say("finished")
command(body)
"""


def start(body: str) -> tuple[subprocess.Popen[str], str]:
    """A process that has said that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + body],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str], number: int) -> tuple[list[str], str, float]:
    """What it said on stdout and stderr after a signal, and how long it took."""
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return out.splitlines(), err, time.monotonic() - began


@pytest.mark.parametrize(
    ("number", "name", "code"), [(signal.SIGTERM, "SIGTERM", 143), (signal.SIGINT, "Ctrl-C", 130)]
)
def test_a_signal_closes_what_is_open_and_says_one_line(number: int, name: str, code: int) -> None:
    process, _ = start(PLAIN)
    out, err, seconds = end(process, number)
    assert out == ["unwound", "runs killed", "lock released"]
    assert err == LINE.format(name) + "\n"
    assert process.returncode == code
    assert seconds < 20, "what it would wait for takes 60"


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(second: int) -> None:
    process, _ = start(SLOW_CLOSER)
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.readline() == "closing\n"
    _, err, seconds = end(process, second)
    assert (process.returncode, err) == (-second, "")
    assert seconds < 20, "what it would wait for takes 60"


@pytest.mark.parametrize("body", [STUCK_POOL, STUCK_THREAD, SWALLOWED, WRAPPED])
def test_nothing_holds_the_exit_up(body: str) -> None:
    process, _ = start(body)
    out, err, seconds = end(process, signal.SIGTERM)
    assert out == ["lock released"]
    assert err == LINE.format("SIGTERM") + "\n"
    assert process.returncode == 143
    assert seconds < 20, "what it would wait for takes 60"


def test_a_store_that_does_not_answer_does_not_either() -> None:
    process, _ = start(STUCK_STORE)
    out, err, seconds = end(process, signal.SIGTERM)
    assert (out, err, process.returncode) == ([], LINE.format("SIGTERM") + "\n", 143)
    assert seconds < 20, "what it would wait for takes 60"


def test_its_processes_end_with_it() -> None:
    process, line = start(CHILD)
    child = int(line.split()[1])
    end(process, signal.SIGTERM)
    assert process.returncode == 143
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    process, _ = start(IGNORED)
    out, _, _ = end(process, signal.SIGINT)
    assert (out, process.returncode) == (["finished"], 0)


def test_in_process_handlers_are_as_before_and_another_run_can_follow() -> None:
    import click

    before = [signal.getsignal(number) for number in stopping.SIGNALS]
    inside: list[Any] = []
    closed: list[str] = []

    @click.command()
    @stoppable
    def command() -> None:
        inside.append(signal.getsignal(signal.SIGTERM))
        when_stopped(lambda: closed.append("once"))
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    for _ in range(2):
        result = CliRunner().invoke(command)
        assert result.exit_code == 143
        assert result.output == LINE.format("SIGTERM") + "\n"
        assert [signal.getsignal(number) for number in stopping.SIGNALS] == before
    assert closed == ["once", "once"]
    assert inside[0] != before[0]


def test_a_command_that_ends_by_itself_returns_its_value_and_leaves_nothing() -> None:
    before = [signal.getsignal(number) for number in stopping.SIGNALS]
    threads = threading.active_count()
    assert stoppable(lambda value: value)(3) == 3
    with pytest.raises(ValueError, match="its own"):
        stoppable(_fail)()
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == before
    deadline = time.monotonic() + 60
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= threads, "none of its own; others may have ended"


def _fail() -> None:
    raise ValueError("its own")


def test_inside_another_one_and_in_threads_it_changes_nothing() -> None:
    with pytest.raises(SystemExit) as ended:
        stoppable(stoppable(lambda: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(10)))()
    assert ended.value.code == 143
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(stoppable(lambda: 1)()))
    thread.start()
    thread.join()
    assert found == [1]


def test_closers_of_one_thread() -> None:
    closed: list[str] = []
    when_stopped(lambda: closed.append("mine"))
    thread = threading.Thread(target=lambda: when_stopped(lambda: closed.append("other")))
    thread.start()
    thread.join()
    close_all(threading.get_ident())
    assert closed == ["mine"]
    close_all()
    assert closed == ["mine", "other"]


def test_a_stop_is_no_exception() -> None:
    assert not issubclass(Stopped, Exception)
    assert (Stopped(signal.SIGTERM).code, Stopped(signal.SIGINT).code) == (143, 130)


def test_ctrl_c_before_anything_began_is_one_line() -> None:
    script = "import os, signal; from tpige_kedro.execution.stopping import stop_before_it_begins as f; f(); "
    script += "os.kill(os.getpid(), signal.SIGINT)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr.strip() == "stopped (Ctrl-C): nothing had begun"


def test_who_ignores_ctrl_c_before_goes_on_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stop_before_it_begins()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)

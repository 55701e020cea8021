"""Progress on a terminal: a process of its own behind a pseudo-terminal, and what its user sees at the end."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from project import ROOT

STAGE = """
import logging.config, threading, yaml
from tpige_kedro.execution.local import work_off
from tpige_kedro.execution.work import Job, Result, Work

logging.config.dictConfig(yaml.safe_load(open("conf/logging.yml")))
logger = logging.getLogger("tpige_kedro.test")

def produce(todo):
    for job in todo:
        logger.warning("before %s", job.key)
        yield job, ValueError("odd") if job.key == "k2" else Result(job.key)

class Store:
    write = None

    def plan(self, work):
        return list(work.jobs)

    def commit(self, job, result, seconds, work):
        logger.info("saved %s", job.key)

    def fail(self, job, error):
        logger.info("noted %s", job.key)

def stage(label):
    jobs = [Job(f"k{i}", "f", None) for i in range(1, 5)]
    work_off(Work(label, jobs, produce), Store())

stage("first")
threads = [threading.Thread(target=stage, args=(name,)) for name in ("left", "right")]
for running in threads: running.start()
for running in threads: running.join()
logger.info("the end")
"""


def screen(output: str) -> list[str]:
    """What stands on a terminal after ``output``: carriage returns overwrite, CSI A goes up, line feeds down."""
    lines, row, column, rest = [""], 0, 0, output
    while rest:
        if rest.startswith("\x1b[A"):
            row, rest = max(0, row - 1), rest[3:]
            continue
        letter, rest = rest[0], rest[1:]
        if letter == "\r":
            column = 0
        elif letter == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        else:
            lines[row] = lines[row][:column].ljust(column) + letter + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


def run(stdout: int | None = None) -> tuple[str, str]:
    """What the stage writes to a terminal, and to ``stdout`` if that is a pipe."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", STAGE],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    piped, _ = process.communicate(timeout=60)
    assert process.returncode == 0, written.decode()
    return written.decode(), piped or ""


@pytest.fixture(scope="module")
def on_terminal() -> str:
    return run()[0]


def test_a_bar_counts_and_says_how_long_it_takes(on_terminal: str) -> None:
    shown = on_terminal.replace("\n", "\r").split("\r")
    counts = [f"first                   {25 * i}% |" for i in (1, 2, 3)]
    for count in counts:
        assert any(line.startswith(count) for line in shown), count
    (last,) = [line for line in screen(on_terminal) if line.startswith("first  ")]
    assert "100% |" in last and last.endswith("| 4/4  00:00"), "nothing is left to say"
    assert any("| 2/4  00:00, 00:00 left, k2" in line for line in shown)
    assert "s left" not in on_terminal, "no line per item beside the bar"
    assert "left to do" not in on_terminal, "nothing was kept: the bar says it all"


def test_log_lines_and_bars_do_not_garble_each_other(on_terminal: str) -> None:
    lines = [line for line in screen(on_terminal) if line]
    bars = [line for line in lines if line.startswith(("first ", "left ", "right "))]
    logged = [line[17:].strip() for line in lines if line not in bars]
    expected = [
        *["before k1", "before k2", "before k3", "before k4"] * 3,
        *["saved k1", "noted k2", "saved k3", "saved k4"] * 3,
        *(f"{s}: k2 failed: odd" for s in ("first", "left", "right")),
        "the end",
    ]
    told = [line for line in logged if "ValueError" not in line or "failed" in line]
    assert sorted(line for line in told if line in set(expected)) == sorted(expected)
    assert sum("100%" in bar for bar in bars) == 3
    assert not any(name in line for line in logged for name in ("%|", "it/s")), lines


def test_what_is_kept_in_a_file_has_lines() -> None:
    terminal, log = run(stdout=subprocess.PIPE)
    assert "4/4" not in terminal
    lines = [line[17:] for line in log.splitlines()]
    assert lines[0] == "first: 4 of 4 left to do"
    assert "first: 4/4 k4, 0 s left" in lines and "first: k2 failed: odd" in lines

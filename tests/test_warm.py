"""What makes the tests quick does not change what they see."""

from __future__ import annotations

import inspect
import io
import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from remembered import stack
from warm import WarmCommand

SLEEP = ("timeit", "-n1", "-r1", "import time; print('slept'); time.sleep(60)")


def start(*arguments: str, **environment: str) -> WarmCommand:
    return WarmCommand(arguments, Path(__file__).parent, {**os.environ, **environment})


def test_a_warm_command_has_its_own_output_variables_and_exit_code() -> None:
    code = "import os; print(os.environ['NAME'], os.getcwd(), os.getppid() == {})"
    process = start("timeit", "-n1", "-r1", code.format(os.getpid()), NAME="Ada")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert f"Ada {Path(__file__).parent} False" in output and "1 loop" in output
    assert "NAME" not in os.environ
    process = start("no_such_module")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "No module named no_such_module" in output


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_warm_command_ends_by_the_signal_that_it_gets(number: signal.Signals) -> None:
    process = start(*SLEEP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.3)
    assert process.poll() is None
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == -number


def test_the_short_stack_has_the_files_of_the_long_one() -> None:
    assert [f.filename for f in stack()] == [f.filename for f in inspect.stack(0)]


def test_a_text_is_parsed_once_and_stays_what_it_was() -> None:
    text = "a: {b: [1, 2], c: '${a.b}'}"
    one = OmegaConf.load(io.StringIO(text))
    one.a.b.append(3)
    other = OmegaConf.load(io.StringIO(text))
    assert one.a.c == [1, 2, 3] and other.a.c == [1, 2]


def test_a_file_that_does_not_parse_is_named_each_time(tmp_path: Path) -> None:
    for name in ("one.yml", "other.yml"):
        (tmp_path / name).write_text("a: [1")
        with pytest.raises(yaml.YAMLError, match=name):
            OmegaConf.load(tmp_path / name)

"""The project's commands in Kedro's CLI."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import find_run_command

from project import ROOT
from tpige_kedro import cli

HEAVY = ["torch", "diffusers", "transformers", "mlflow", "pandas", "PIL", "av", "pydantic"]


def test_run_is_kedros_own_with_another_ending_and_paths_letter_by_letter() -> None:
    command = find_run_command("tpige_kedro")
    assert isinstance(command, click.Command)
    *params, verbose = command.params
    assert verbose.name == "verbose"
    pairs = list(zip(params, kedro_run.params, strict=True))
    assert [ours.name for ours, theirs in pairs if ours.callback is not theirs.callback] == [
        "params"
    ]
    assert all(ours.to_info_dict() == theirs.to_info_dict() for ours, theirs in pairs)
    assert command.help == kedro_run.help
    assert command.callback is not kedro_run.callback
    assert cli.cli.get_command(click.Context(cli.cli), "run") is command
    with pytest.raises(AttributeError, match="walk"):
        cli.walk  # noqa: B018


def test_kedro_lists_our_commands() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "kedro", "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    ours = result.stdout.partition("from tpige_kedro")[2].partition("commands from")[0]
    assert "forget" in ours and "run" in ours


def test_what_kedro_imports_for_every_command_is_light() -> None:
    script = f"""
import sys
import kedro.framework.cli.cli
before = set(sys.modules)
import tpige_kedro.cli
print(sorted({set(HEAVY)} & (set(sys.modules) - before)))
"""
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"

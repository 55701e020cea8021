"""Files of ``conf/base``: a run that starts with them works, or ends with a line or two."""

from __future__ import annotations

import io
import os
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from kedro.framework.cli.cli import main
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

ROOT = Path(__file__).parents[2]
bootstrap_project(ROOT)
list(pipelines)  # imports the project once, instead of in every process
NAMES = ("parameters.yml", "parameters_variants.yml", "parameters_models.yml", "globals.yml")
LINES = 40  # of an error that lists every problem of the configuration


def files() -> dict[str, bytes]:
    """The shipped files, by name."""
    return {name: (ROOT / "conf/base" / name).read_bytes() for name in NAMES}


def start_run(name: str, data: bytes, work: Path) -> None:
    """Run the selection, which finds no scores: what comes before that is the check of the configuration."""
    shutil.copytree(ROOT / "conf", work / "conf")
    (work / "conf/base" / name).write_bytes(data)
    said = _kedro(
        "run",
        "--pipelines=moe_selection",
        f"--conf-source={work / 'conf'}",
        f"--params=data_root={work / 'data'}",
    )
    assert "Traceback" not in said, said
    assert said.count("\n") < LINES, said


def _kedro(*arguments: str) -> str:
    """What the command prints."""
    os.chdir(ROOT)
    sys.argv = ["kedro", *arguments]
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(said), suppress(SystemExit):
        main()
    return said.getvalue()

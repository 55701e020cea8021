"""Nothing that comes from outside steers the terminal: not by logs, not by the last message, not by rich's markup, not in HTML."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from project import ROOT, Project, row
from tpige_kedro.console import ShownRecord, echo, escape_logs
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.failures import Failure, failure_table

EVIL = "\x1b[2J\x1b]0;owned\x07\r\x85\u202e\u2028"
SHOWN = r"\x1b[2J\x1b]0;owned\x07\r\x85\u202e\u2028"


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    escape_logs()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_logs_of_any_library(told: io.StringIO) -> None:
    logging.getLogger("another.package").warning("a\n%s\t%d%%", EVIL, 7)
    logging.getLogger("another").error(ValueError(EVIL))
    try:
        raise ValueError(EVIL)
    except ValueError:
        logging.getLogger("tpige_kedro").exception("failed")
    text = told.getvalue()
    assert f"a\n{SHOWN}\t7%" in text and text.count(SHOWN) == 3
    assert all(line.replace("\t", "").isprintable() for line in text.split("\n"))


def test_a_factory_of_somebody_else_stays(told: io.StringIO) -> None:
    class Other(logging.LogRecord):
        pass

    logging.setLogRecordFactory(Other)
    escape_logs()
    assert logging.getLogRecordFactory() is Other


def test_kedro_projects_log_like_this() -> None:
    import tpige_kedro.settings  # noqa: F401

    assert logging.getLogRecordFactory() is ShownRecord


def test_rich_markup_in_an_id_is_text() -> None:
    from kedro.logging import RichHandler
    from rich.console import Console

    stream = io.StringIO()
    handler = RichHandler(console=Console(file=stream, width=200, color_system=None))
    handler.handle(
        ShownRecord(
            "x", 30, "f", 1, "sample %s", ("[red]s1[/red] [link=http://x]y[/link]" + EVIL,), None
        )
    )
    assert "[red]s1[/red] [link=http://x]y[/link]" + SHOWN in stream.getvalue()


def test_the_last_message_and_its_table() -> None:
    table = failure_table(
        [Failure(EVIL, "samples", f"two\nlines {EVIL}"), Failure("s2", "scoring", "x")]
    )
    assert (
        table.split("\n")[0] == rf"  {SHOWN}  samples  two\nlines {SHOWN}"
        and table.count("\n") == 1
    )
    error = RunStopped(f"2 failed:\n{EVIL}")
    assert str(error) == error.format_message() == f"2 failed:\n{SHOWN}"


def test_what_commands_print(capsys: pytest.CaptureFixture[str]) -> None:
    echo(f"a\n{EVIL}")
    assert capsys.readouterr().out == f"a\n{SHOWN}\n"


HTML = "<script>alert(1)</script>"


def test_a_run_of_evil_ids_shows_them_escaped_everywhere(project: Project) -> None:
    rows = [
        row(1, prompt=f'A man {HTML} "><img src=x onerror=alert(1)>.'),
        row(2, sample_id=EVIL),
        row(3, sample_id=HTML),
        row(4, prompt=f"A {EVIL}."),
        row(5, sample_id="[red]x[/red]"),
        row(6, sample_id="=cmd|'/c calc'!A0"),
        row(7, reference=f"{HTML.replace('/', '')}.png"),
    ]
    project.write_samples(rows)
    with pytest.raises(RunStopped, match="5 failed, everything else is finished") as stopped:
        project.run("full")
    told = str(stopped.value)
    assert all(line.isprintable() for line in told.split("\n"))
    assert SHOWN.removesuffix(r"\u2028") in told and "[red]x[/red]" in told
    report = (project.data / "08_reporting" / "report.html").read_text()
    pages = [
        file.read_text() for file in (project.data / "08_reporting" / "samples").glob("*.html")
    ]
    for page in (report, *pages):
        assert HTML not in page and "<img src=x" not in page and "<script>alert" not in page
        assert not any(mark in page for mark in "\x1b\x07\x85\u202e")
    assert "&lt;script&gt;" in report
    csv = (project.data / "08_reporting" / "failures.csv").read_text()
    assert "'=cmd|'/c calc'!A0" in csv and ",=cmd" not in csv and "\x1b" not in csv


def test_the_command_names_a_path_that_cannot_be_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--params=data_root=/tmp/\x1b[2J"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr + done.stdout
    assert (
        r"Error: data_root '/tmp/\x1b[2J': it holds a line break or control characters"
        in done.stderr
    )
    assert (done.stdout + done.stderr).replace("\n", "").isprintable()


def test_a_library_with_a_handler_of_its_own_is_heard_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    script = "import logging.config, yaml; logging.config.dictConfig(yaml.safe_load(open('conf/logging.yml')))\n"
    for name in ("huggingface_hub", "transformers", "diffusers"):
        script += f"from {name}.utils import logging as own; own.get_logger('{name}.x').warning('said by {name}')\n"
    env = {
        k: v for k, v in os.environ.items() if k != "CI"
    }  # where transformers propagates on purpose
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, env=env)
    heard = "".join(capfd.readouterr())
    assert [
        heard.count(f"said by {n}") for n in ("huggingface_hub", "transformers", "diffusers")
    ] == [1, 1, 1]

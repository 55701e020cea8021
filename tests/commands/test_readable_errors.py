"""Mistakes on the command line and in conf end in one or two lines that name file, line and the name that was meant."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from project import ROOT
from tpige_kedro.commands.explained import explained
from tpige_kedro.commands.forget import forget
from tpige_kedro.commands.run import run
from tpige_kedro.hooks.conf_files import (
    clashing_kinds,
    file_problems,
    read_folders,
    unread_files,
)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "local").mkdir(exist_ok=True)
    return tmp_path / "conf"


def kedro_run(conf: Path, *arguments: str) -> Result:
    bootstrap_project(ROOT)
    given = [f"--conf-source={conf}", *arguments]
    if not any(argument.startswith("--params") for argument in arguments):
        given.append(f"--params=data_root={conf.parent / 'data'}")
    try:
        return CliRunner().invoke(run, given)
    finally:
        pipelines.set_requested(None)


def said(result: Result) -> list[str]:
    """The lines below the log, without the one that tells of ``--verbose``."""
    found = result.output[result.output.index("Error: ") :].strip().splitlines()
    assert isinstance(result.exception, SystemExit) and "Traceback" not in result.output
    return [line for line in found if line != "(--verbose shows the traceback)"]


@pytest.mark.filterwarnings("error::kedro.KedroDeprecationWarning")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pipelines=scorring"], "--pipelines: no pipeline 'scorring'; did you mean scoring?"),
        (["--pipeline=scorring"], "--pipeline: no pipeline 'scorring'; did you mean scoring?"),
        (["--env=papr"], "did you mean paper?"),
        (["--nodes=scoring.plan_clip"], "--nodes: no node 'scoring.plan_clip'"),
        (["--from-nodes=xyz", "--pipelines=scoring"], "no node 'xyz' in pipeline scoring"),
        (["--tags=gpus"], "--tags: no tag 'gpus' in the full pipeline; did you mean gpu?"),
        (["--to-outputs=all_score"], "did you mean all_scores?"),
        (["--namespaces=scorin"], "did you mean make_and_score_clips.scoring?"),
        (["--namespaces=scoring"], "did you mean make_and_score_clips.scoring?"),
        (["--runner=SequentialRuner"], "SequentialRuner"),
        (["--params=seed=[1"], "--params: a value cannot be read"),
        (["--params=seed=${nope}"], "seed: Interpolation key 'nope' not found"),
        (["--load-versions=x"], "'load_versions'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(
    conf: Path, arguments: list[str], message: str
) -> None:
    result = kedro_run(conf, *arguments)
    (line,) = said(result)
    assert result.exit_code == 1 and message in line


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("sed=1", "sed: unknown key; did you mean seed?"),
        ("seed=true", "seed: Input should be a valid integer (given: true)"),
        (
            "variants.vace.guidance.text_wieght=3",
            "variants.vace.guidance.text_wieght: unknown key; did you mean text_weight?",
        ),
        (
            "scoring.overall.gme_scor=0.3",
            "scoring.overall.gme_scor: no scorer gives this metric; did you mean gme_score?",
        ),
        (
            "models.mini_vace.options.stesp=3",
            "models.mini_vace.options.stesp: unknown key; did you mean steps?",
        ),
    ],
)
def test_a_wrong_parameter_is_one_line_for_any_pipeline(
    conf: Path, params: str, message: str
) -> None:
    result = kedro_run(conf, f"--params={params}", "--pipelines=moe_selection")
    assert result.exit_code == 1
    assert said(result)[1:-1] == [f"  {message}"]


def append(name: str, text: str) -> Callable[[Path], None]:
    def change(conf: Path) -> None:
        with (conf / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (append("base/parameters.yml", "\nx: ${nope.a}\n"), "Interpolation key 'nope.a' not found"),
        (append("base/parameters.yml", "\nx: ${globals:data_rot}\n"), "did you mean data_root?"),
        (append("base/parameters.yml", "\nx: ${global:data_root}\n"), "did you mean globals?"),
        (
            append("base/parameters.yml", "\nx: ${oc.env:HOME}\n"),
            "cannot read environment variables",
        ),
        (append("base/parameters.yml", "\nx: ${runtime_params:y}\n"), "--params=y=…"),
    ],
)
def test_an_interpolation_that_leads_nowhere_is_placed(
    conf: Path, change: Callable[[Path], None], message: str
) -> None:
    change(conf)
    (line,) = said(kedro_run(conf))
    file = conf / "base" / "parameters.yml"
    number = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if "x: ${" in text)
    assert line.startswith(f"Error: {file}:{number}: x: ") and message in line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (append("base/globals.yml", "data_rot: x\n"), "data_rot: unknown key; did you mean"),
        (append("local/paramters.yml", "seed: 3\n"), "did you mean parameters.yml?"),
        (
            append("base/catalog.yml", "\nmine: {type: pandas.CSVDatset, filepath: x}\n"),
            "mine.type: no dataset class pandas.CSVDatset; did you mean CSVDataset?",
        ),
        (append("base/catalog.yml", "\nmine: {filepath: x}\n"), "'type' is missing"),
        (append("base/catalog.yml", "\nmine: x\n"), "'mine'"),
        (lambda conf: shutil.rmtree(conf / "local"), "local is missing; make it"),
        (lambda conf: shutil.rmtree(conf / "base"), "lacks the directory base/"),
        (append("local/parameters.yml", "models: [a]\n"), "parameters.yml:1: models: a list where"),
        (append("base/parameters.yml", "\nseed: 1\n"), "seed is in line 3 as well"),
        (append("base/parameters_2.yml", "seed: 1\n"), "parameters.yml:3 as well"),
    ],
)
def test_a_mistake_in_conf_is_named(
    conf: Path, change: Callable[[Path], None], message: str
) -> None:
    change(conf)
    result = kedro_run(conf, "--pipelines=moe_selection")
    assert result.exit_code == 1 and message in "\n".join(said(result))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"\tseed: 0\n", 1, "a tab where spaces are expected"),
        (b"a:\n\tb: 1\n", 2, "a tab where spaces are expected"),
        (b"a:\n  b: 1\n c: 2\n", 3, "check the indentation"),
        (b"a: 1\nb: 2\na: 3\n", 3, "a is in line 1 as well"),
        (b"a:\n  b: 1\n  b: 2\n", 3, "b is in line 2 as well"),
        (b"a: 1\nb: 'abc\n", 3, "the quotes opened in line 2 are not closed"),
        (b"a: [1, 2\nb: 3\n", 2, "the bracket opened in line 1"),
        ("# caf\xe9\na: 0\n".encode("latin1"), 1, "not UTF-8"),
        ("a: 0\n".encode("utf-16"), 1, "not UTF-8"),
        (b"- a\n- b\n", 1, "a list where keys are expected"),
        (b"hello\n", 1, "a single value where keys are expected"),
        (b"a: 1\n<<<<<<< HEAD\nb: 0\n=======\nb: 1\n>>>>>>> x\n", 2, "a merge was not finished"),
        (b"a: b: c\n", 1, "mapping values are not allowed here"),
        (b"a: @x\n", 1, "put the value in quotes"),
        (b"a: *x\n", 1, "undefined alias"),
        (b"a: 1\n---\nb: 2\n", 2, "another document"),
        (b"a: !!python/object/apply:os.system ['true']\n", 1, "could not determine a constructor"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, text: bytes, line: int, message: str
) -> None:
    file = tmp_path / "parameters.yml"
    file.write_bytes(text)
    (problem,) = file_problems([tmp_path])
    assert problem.startswith(f"{file}:{line}: ") and message in problem


def test_what_ships_has_no_problem() -> None:
    for env in (
        "test",
        "paper",
        "vace_1_3b",
        "vace_14b_48gb",
        "vace_1_3b_12gb",
        "vace_14b_fast",
        "vace_1_3b_fast",
    ):
        folders = read_folders(ROOT / "conf", {"env": env})
        assert [*file_problems(folders), *clashing_kinds(folders), *unread_files(folders)] == []


def test_an_empty_file_and_a_byte_order_mark_are_no_mistakes(tmp_path: Path) -> None:
    (tmp_path / "parameters.yml").write_bytes(b"")
    (tmp_path / "parameters_2.yml").write_text("\ufeffa: 1\n", encoding="utf-8")
    assert [*file_problems([tmp_path])] == []


def test_verbose_shows_the_traceback(conf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    result = kedro_run(conf, "--pipelines=scorring", "--verbose")
    shown = result.output + capfd.readouterr().err
    assert result.exit_code == 1 and "Traceback" in shown and "did you mean scoring?" in shown


def test_what_nobody_foresaw_keeps_its_traceback() -> None:
    try:
        raise KeyError("surprise")
    except KeyError as error:
        assert explained(error, {"env": None}) is None


def test_so_do_those_of_forget(conf: Path) -> None:
    (conf / "base" / "globals.yml").write_text("data_root: [\n")
    bootstrap_project(ROOT)
    given = ["p1", f"--conf-source={conf}", f"--data-root={conf}"]
    lines = said(CliRunner().invoke(forget, given))
    assert len(lines) <= 2 and "globals.yml:" in lines[0]

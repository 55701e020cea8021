"""Environments that extend others: what is read, in which order, and what is said of mistakes in any of them."""

from __future__ import annotations

import logging
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework.project import pipelines, settings
from kedro.framework.startup import bootstrap_project

from project import ROOT
from tpige_kedro.commands.run import run
from tpige_kedro.config import ProjectConfigLoader
from tpige_kedro.hooks.conf_files import (
    clashing_kinds,
    file_problems,
    read_folders,
    unread_files,
)
from tpige_kedro.hooks.environment_notes import note_environment, unread_default
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.parameters import parse_parameters

Files = dict[str, Any]

CHAIN: Files = {
    "base/globals.yml": {"data_root": "data", "verify": "stat"},
    "base/parameters.yml": {"seed": 0, "a": {"x": 1, "y": 1, "z": 1}, "list": [1, 2]},
    "base/catalog.yml": {"t": {"type": "pandas.CSVDataset", "filepath": "${globals:data_root}/t"}},
    "base/mlflow.yml": {"enabled": True, "experiment": "e"},
    "far/globals.yml": {"data_root": "far"},
    "far/parameters_a.yml": {"a": {"x": 2, "y": 2}, "own": "${globals:data_root}"},
    "far/mlflow.yml": {"experiment": "far"},
    "near/environment.yml": {"extends": "far", "description": "The near one."},
    "near/parameters.yml": {"a": {"x": 3}, "list": [3]},
    "near/catalog.yml": {"t": {"type": "pandas.ParquetDataset", "filepath": "near/t"}},
    "mine/environment.yml": {"extends": "near"},
    "mine/parameters.yml": {"a": {"z": 4}},
}


def write(conf: Path, files: Files) -> Path:
    for name, content in files.items():
        file = conf / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        file.write_text(text, encoding="utf-8")
    return conf


def loader(conf: Path, env: str | None, **options: Any) -> ProjectConfigLoader:
    return ProjectConfigLoader(str(conf), env, **settings.CONFIG_LOADER_ARGS, **options)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    bootstrap_project(ROOT)
    return write(tmp_path / "conf", CHAIN)


def test_what_is_read_later_counts(conf: Path) -> None:
    found = loader(conf, "mine")
    assert found.layers == ("base", "far", "near", "mine")
    wanted = {"x": 3, "y": 2, "z": 4}
    assert found["parameters"] == {"seed": 0, "a": wanted, "list": [3], "own": "far"}
    assert found["globals"] == {"data_root": "far", "verify": "stat"}
    assert found["catalog"] == {"t": {"type": "pandas.ParquetDataset", "filepath": "near/t"}}
    assert found["mlflow"] == {"enabled": True, "experiment": "far"}


@pytest.mark.parametrize("env", ["base", "far"])
@pytest.mark.parametrize("key", ["parameters", "globals", "catalog", "mlflow"])
def test_without_extends_kedro_reads_as_it_does(conf: Path, env: str, key: str) -> None:
    plain = OmegaConfigLoader(str(conf), env, **settings.CONFIG_LOADER_ARGS)[key]
    assert loader(conf, env)[key] == plain


def test_the_command_line_wins_over_every_layer(conf: Path) -> None:
    found = loader(conf, "mine", runtime_params={"a": {"x": 9}, "data_root": "~/{x}${y}"})
    assert found["parameters"]["a"] == {"x": 9, "y": 2, "z": 4}
    assert found["parameters"]["data_root"].endswith("/{x}${y}")


def test_a_value_that_was_set_wins(conf: Path) -> None:
    found = loader(conf, "mine")
    found["parameters"] = {"only": 1}
    assert found["parameters"] == {"only": 1}


def test_credentials_of_any_layer_are_found_and_none_are_missing(conf: Path) -> None:
    with pytest.raises(MissingConfigException):
        loader(conf, "mine")["credentials"]
    write(conf, {"near/credentials.yml": {"key": "k"}})
    assert loader(conf, "mine")["credentials"] == {"key": "k"}


def test_the_default_environment_may_extend_another(conf: Path) -> None:
    write(conf, {"local/environment.yml": {"extends": "far"}, "local/parameters.yml": {"seed": 5}})
    found = loader(conf, None)
    assert found.layers == ("base", "far", "local")
    assert (found["parameters"]["seed"], found["parameters"]["a"]["x"]) == (5, 2)


def test_environments_in_an_archive_extend_others(conf: Path) -> None:
    with tarfile.open(conf.parent / "conf.tar.gz", "w:gz") as file:
        file.add(conf, "conf")
    found = loader(conf.parent / "conf.tar.gz", "mine")
    assert found["parameters"]["a"] == {"x": 3, "y": 2, "z": 4}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mine/environment.yml": {"extends": "mine"}}, "forms a circle (mine -> mine)"),
        ({"far/environment.yml": {"extends": "mine"}}, "(mine -> near -> far -> mine)"),
        ({"far/environment.yml": {"extends": "near"}}, "forms a circle (near -> far -> near)"),
        ({"mine/environment.yml": {"extends": "neer"}}, "no environment 'neer'; did you mean near"),
        ({"mine/environment.yml": {"extends": "Near"}}, "no environment 'Near'; did you mean near"),
        ({"mine/environment.yml": {"extends": "conf/near"}}, "did you mean near?"),
        ({"mine/environment.yml": {"extends": "../conf/near"}}, "did you mean near?"),
        ({"mine/environment.yml": {"extends": "zzz"}}, "there are base, far, mine, near"),
        ({".near/parameters.yml": {}, "mine/environment.yml": {"extends": ".near"}}, "mean near?"),
        ({"mine/environment.yml": {"extends": ["near"]}}, "['near'] is not the name of one"),
        ({"mine/environment.yml": {"extends": None}}, "extends: None is not the name"),
        ({"mine/environment.yml": {"extends": 12}}, "extends: 12 is not the name"),
        ({"mine/environment.yml": {"extends": "  "}}, "extends: '  ' is not the name"),
        ({"mine/environment.yml": {"extend": "near"}}, "extend: unknown key; did you mean extends"),
        ({"mine/environment.yml": {"seed": 3}}, "seed: unknown key; there are description, ext"),
        ({"far/environment.yml": {"description": []}}, "conf/far/environment.yml: description: []"),
        ({"base/environment.yml": {"extends": "far"}}, "every environment builds on base"),
        ({"base/environment.yml": {"extnds": "far"}}, "conf/base/environment.yml: extnds: unknown"),
    ],
)
def test_a_mistake_in_environment_yml_is_one_sentence(
    conf: Path, changes: Files, message: str
) -> None:
    write(conf, changes)
    with pytest.raises(RunStopped) as stopped:
        loader(conf, "mine")
    said = str(stopped.value)
    assert message in said and "\n" not in said and said.startswith("conf/")


def test_extending_the_base_says_what_holds_anyway(conf: Path) -> None:
    write(conf, {"far/environment.yml": {"extends": "base"}})
    assert loader(conf, "mine").layers == ("base", "far", "near", "mine")


def append(name: str, text: str) -> Callable[[Path], None]:
    return lambda conf: (conf / name).write_text(text, encoding="utf-8") and None


@pytest.mark.parametrize("layer", ["far", "near", "mine"])
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("parameters_2.yml", "q: 1\n\tr: 2\n", "parameters_2.yml:2: a tab"),
        ("environment.yml", "extends: [far\n", "environment.yml:2: the bracket opened in line 1"),
        ("environment.yml", "- far\n", "environment.yml:1: a list where keys are expected"),
        ("parameters_2.yml", "x: ${nope}\n", "parameters_2.yml:1: x: Interpolation key 'nope'"),
    ],
)
def test_a_file_of_any_layer_that_cannot_be_read_is_named_with_its_line(
    conf: Path, layer: str, name: str, text: str, message: str
) -> None:
    append(f"{layer}/{name}", text)(conf)
    try:
        result = CliRunner().invoke(run, [f"--conf-source={conf}", "--env=mine"])
    finally:
        pipelines.set_requested(None)
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert lines == [line for line in lines if f"{conf / layer}/{message}" in line] != []


@pytest.mark.parametrize("layer", ["far", "near", "mine"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("paramters.yml", "did you mean parameters.yml?"),
        ("enviroment.yml", "did you mean environment.yml?"),
        ("environment.yaml", "did you mean environment.yml?"),
        ("environments.yml", "did you mean environment.yml?"),
        ("globals.yaml", "did you mean globals.yml?"),
        ("globals_2.yml", "did you mean globals.yml?"),
        ("sub/environment.yml", "did you mean environment.yml in"),
    ],
)
def test_a_file_of_any_layer_that_nobody_reads_is_named(
    conf: Path, layer: str, name: str, message: str
) -> None:
    assert [*unread_files(read_folders(conf, {"env": "mine"}))] == []
    write(conf, {f"{layer}/{name}": {}})
    (problem,) = unread_files(read_folders(conf, {"env": "mine"}))
    assert problem.startswith(f"{conf / layer / name} is never read") and message in problem


def test_a_list_where_an_extended_environment_has_keys_is_named_once(conf: Path) -> None:
    write(conf, {"near/parameters.yml": {"a": [1]}})
    folders = read_folders(conf, {"env": "mine"})
    assert [*file_problems(folders)] == []
    (problem,) = clashing_kinds(folders)
    assert (
        problem == f"{conf}/near/parameters.yml:2: a: a list where keys are expected, as in base/"
    )
    write(conf, {"near/parameters.yml": {}, "far/parameters_b.yml": {"b": {"c": 1}}})
    write(conf, {"mine/parameters.yml": {"b": 1}})
    (problem,) = clashing_kinds(folders)
    assert problem == f"{conf}/mine/parameters.yml:1: b: a single value where keys are expected, as in far/"  # fmt: skip


def test_the_log_says_which_environments_are_read(
    conf: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tpige_kedro")
    note_environment(loader(conf, "mine"))
    note_environment(loader(conf, "near"))
    note_environment(loader(conf, "far"))
    assert caplog.messages == [
        "environment mine (base <- far <- near <- mine)",
        "environment near (base <- far <- near): The near one.",
    ]


def test_local_settings_that_are_not_read_are_reported(conf: Path) -> None:
    assert unread_default(conf, ("base", "far")) == ""  # no conf/local
    (conf / "local").mkdir()
    (conf / "local" / ".gitkeep").touch()
    assert unread_default(conf, ("base", "far")) == ""
    write(conf, {"local/parameters.yml": {"seed": 1}})
    note = unread_default(conf, ("base", "far"))
    assert "local is not read, since --env=far" in note and "extends: far" in note
    assert unread_default(conf, ("base", "local")) == ""
    assert unread_default(conf, ("base", "local", "mine")) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": {"vace_14b": {"options": {"stesp": 3}}}}, "unknown key; did you mean steps?"),
        ({"models": {"vace14b": {"options": {"steps": 3}}}}, "models.vace14b.type: this key is"),
        ({"sed": 3}, "sed: unknown key; did you mean seed?"),
    ],
)
def test_own_settings_on_top_of_a_shipped_environment_are_checked(
    tmp_path: Path, change: Files, message: str
) -> None:
    bootstrap_project(ROOT)
    own = Path(shutil.copytree(ROOT / "conf", tmp_path / "conf"))
    write(
        own, {"my_paper/environment.yml": {"extends": "paper"}, "my_paper/parameters.yml": change}
    )
    given = [f"--conf-source={own}", "--env=my_paper", f"--params=data_root={tmp_path}"]
    try:
        result = CliRunner().invoke(run, given)
    finally:
        pipelines.set_requested(None)
    assert result.exit_code == 1 and message in result.output


def test_folders_that_git_ignores_are_for_own_settings() -> None:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    assert "conf/my_*/" in lines and "conf/local/**" in lines


@pytest.mark.parametrize("extended", ["paper", "vace_1_3b", "test"])
def test_a_variant_is_removed_with_one_line(tmp_path: Path, extended: str) -> None:
    """As conf/README.md says; the selection, which names it, goes on without it."""
    bootstrap_project(ROOT)
    own = Path(shutil.copytree(ROOT / "conf", tmp_path / "conf"))
    change = {"variants": {"hailuo": None, "phantom_pe_ge": None}}
    write(own, {"my_own/environment.yml": {"extends": extended}, "my_own/parameters.yml": change})
    shipped, found = (
        parse_parameters(dict(loader(own, env)["parameters"])) for env in (extended, "my_own")
    )
    assert shipped.variants.keys() - found.variants.keys() == {"hailuo", "phantom_pe_ge"}
    assert list(found.moe.experts) == [name for name in shipped.moe.experts if name != "hailuo"]
    assert [pair for pair in shipped.moe.comparisons if "phantom_pe_ge" not in pair] == list(
        found.moe.comparisons
    )
    assert found.moe.baseline == shipped.moe.baseline

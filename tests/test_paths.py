"""Paths as users write them: results are where the parameter says, whatever letters are in it."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from mlflow_store import Store
from project import ROOT, Project
from tpige_kedro.commands.params import split_params
from tpige_kedro.commands.places import find_places
from tpige_kedro.commands.run import run
from tpige_kedro.config import ProjectConfigLoader, user_path, user_paths
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.mlflow.uri import with_home
from tpige_kedro.weights.sources import local_path

ODD = [
    "{x}", "{run}", "{", "}", "}{", "{{x}}", "{}", "{variant}", "${x}", "$x", "\\${x}", "${globals:data_root}", "%41", "%s", "a b", " #1", "a: b",
    "a#b", "?", ";", "'", '"', "`", "a\\b", "*", "[a]", "a::b", "x=y", "&", "<b>", "!", "ü日本", "👩‍🚀", "-x", "...",
]  # fmt: skip


def test_a_whole_run_in_a_folder_of_odd_letters(project: Project, store: Store) -> None:
    odd = project.folder / "{x} ${y} %41 #1?;'\"ü [*] a::b"
    project.samples.rename(project.folder / "{samples} ${s}#%s")
    project.run("full", data_root=str(odd), samples_root=str(project.folder / "{samples} ${s}#%s"))
    assert (odd / "08_reporting" / "report.html").is_file()
    assert (odd / "07_model_output/clips/vace/s1.mp4").is_file()
    assert sorted(os.listdir(project.folder)) == sorted(
        {"conf", "fakes.log", "mlflow.db", "mlartifacts", odd.name, "{samples} ${s}#%s"}
        | {"mlflow.db.lock"} & set(os.listdir(project.folder))
    )
    parents = [r for r in store.runs() if r.data.tags.get("tpige.data_root") == str(odd)]
    assert parents


@pytest.mark.parametrize("name", ODD)
def test_the_catalog_and_the_parameters_have_the_path_as_it_is(tmp_path: Path, name: str) -> None:
    from kedro.io import DataCatalog

    root = f"{tmp_path}/{name}"
    loader = ProjectConfigLoader(
        str(ROOT / "conf"),
        "local",
        dict.fromkeys(("data_root", "samples_root", "sample_list"), root),
        base_env="base",
        default_run_env="local",
        config_patterns={"mlflow": ["mlflow*"]},
        merge_strategy={"parameters": "soft"},
    )
    catalog = DataCatalog.from_config(loader["catalog"])
    assert str(catalog.get("clips").path) == f"{root}/07_model_output/clips"
    assert str(catalog.get("report")._filepath) == f"{root}/08_reporting/report.html"
    assert catalog.get("samples")._path == Path(root) and str(catalog.get("samples")._only) == root
    assert str(catalog.get("references")._known).startswith(root)
    assert loader["parameters"]["data_root"] == root
    journal = loader["parameters"]["models"]["hailuo"]["options"]["journal"]
    assert journal == f"{root}/07_model_output/hailuo_tasks"
    assert loader.runtime_params["data_root"] == root


def params_of(text: str) -> dict[str, object]:
    option = next(option for option in run.params if option.name == "params")
    with click.Context(run) as context:
        return option.callback(context, option, text)  # type: ignore[misc,no-any-return]


@pytest.mark.parametrize(
    "path",
    [
        *(f"/tmp/{name}" for name in ODD),
        "~",
        "~/x",
        "7",
        "007",
        "1e5",
        "yes",
        "{x}",
        "[x]",
        "@x",
        "*",
        "a,b",
        "/a,b c,d",
    ],
)
def test_the_command_line_takes_a_path_letter_by_letter(path: str) -> None:
    assert params_of(f"seed=7,data_root={path},samples_root=/s,consent=granted") == {
        "seed": 7, "consent": "granted", "data_root": path, "samples_root": "/s",
    }  # fmt: skip


def test_the_command_line_otherwise_reads_as_before() -> None:
    assert params_of("") == {}
    assert params_of("moe.resamples=200, execution.max_failures=3") == {
        "moe": {"resamples": 200},
        "execution": {"max_failures": 3},
    }
    assert params_of("data_root=' a',sample_list=null") == {"data_root": " a", "sample_list": None}
    assert split_params(None, None, {"data_root": 7}) == {"data_root": 7}  # type: ignore[arg-type]
    with pytest.raises(click.UsageError, match="Item `seed`"):
        params_of("seed")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_home_folder_in_every_path(home: Path) -> None:
    given = dict.fromkeys(("data_root", "samples_root", "sample_list", "clips_root"), "~/x")
    assert set(user_paths(given).values()) == {f"{home}/x"}
    assert user_path("data_root", "~") == str(home)
    assert user_path("data_root", "~root/x") == os.path.expanduser("~root/x") != "~root/x"
    assert user_path("data_root", "/a/~/x") == "/a/~/x" and user_path("data_root", "./~") == "./~"
    assert local_path("~/weights") == home / "weights"
    assert with_home("sqlite:///~/m.db") == f"sqlite:///{home}/m.db"
    assert with_home("~/runs") == f"{home}/runs"
    assert with_home("http://h/~x") == "http://h/~x"
    places = find_places(given, None, None)
    assert places.data_root == places.samples_root == home / "x"


def test_the_home_folder_in_globals(
    home: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.conf / project.env / "globals.yml").write_text(
        "data_root: ~/here\nsamples_root: ~/{photos}\n"
    )
    home.mkdir()
    project.samples.rename(home / "{photos}")
    monkeypatch.setattr(Project, "roots", {})
    project.run("prompt_enhancement")
    assert (home / "here" / "02_intermediate" / "checked_samples.parquet").is_file()
    assert not (ROOT / "~").exists()


@pytest.mark.parametrize("name", ["data_root", "samples_root", "sample_list", "clips_root"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (7, "7 is not a path; write it as text"),
        ({"x": None}, "is not a path"),
        ("/tmp/a\nb", r"a\\nb.*line break"),
        ("/tmp/a\x1b[2J", r"a\\x1b\[2J.*control characters"),
        ("/tmp/\udcff", "control characters"),
        ("s3://bucket/x", "is a URL; write a folder of this machine"),
        ("file:///tmp/x", "is a URL"),
        ("~nobody_of_that_name/x", "no such user"),
    ],
)
def test_what_is_no_path_is_refused_by_the_name_of_the_parameter(
    name: str, value: object, message: str
) -> None:
    with pytest.raises(RunStopped, match=f"{name}.*{message}") as stopped:
        user_paths({name: value})
    assert str(stopped.value).isprintable()


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_root_is_refused(value: str) -> None:
    with pytest.raises(RunStopped, match=r"data_root.*it is empty"):
        user_paths({"data_root": value})
    assert user_paths({"data_root": None, "sample_list": "", "seed": None}) == {
        "sample_list": "",
        "seed": None,
    }

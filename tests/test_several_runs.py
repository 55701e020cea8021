"""Several runs at once on one folder: nothing lost, nothing made twice, one sentence to those that cannot go on."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pandas as pd
import pytest

from mlflow_store import Store
from project import Project, row
from test_tamper import results
from warm import WarmCommand


def ended(processes: list[WarmCommand]) -> list[tuple[int, str]]:
    return [(p.returncode, output) for p in processes for output in [p.communicate(timeout=240)[0]]]


def refusals(outputs: list[tuple[int, str]]) -> list[str]:
    """The last line of the runs that were refused, which is all that they say of it."""
    return [text.strip().splitlines()[-1] for code, text in outputs if code]


@pytest.mark.parametrize("count", [2, 3])
def test_runs_on_a_new_folder(project: Project, count: int) -> None:
    project.write_samples([row(n) for n in range(3)])
    outputs = ended(
        [project.warm_command("--pipelines=full", FAKES_SECONDS="0.05") for _ in range(count)]
    )
    assert [code for code, _ in outputs].count(0) == 1
    for line in refusals(outputs):
        assert "another run is writing to" in line and "--params=wait=true" in line
    assert not any("Traceback" in text for _, text in outputs)
    assert project.work.count("generate s1") == 2, "one per variant"
    project.run("full", data_root=str(project.folder / "alone"))
    assert results(project.data) == results(project.folder / "alone")


def test_runs_on_a_finished_folder(project: Project) -> None:
    project.run("full")
    before = results(project.data)
    project.forget_work()
    outputs = ended([project.warm_command("--pipelines=full") for _ in range(3)])
    assert 0 in [code for code, _ in outputs] and not any("Traceback" in t for _, t in outputs)
    assert all("another run is writing to" in line for line in refusals(outputs))
    assert project.work == [] and results(project.data) == before


def test_a_run_that_waits_works_on_its_own_samples(project: Project) -> None:
    project.write_samples([row(n) for n in range(4)])
    lists = []
    for part in ([0, 1], [2, 3]):
        file = project.folder / f"part{part[0]}.csv"
        file.write_text("sample_id\n" + "".join(f"s{n}\n" for n in part))
        lists.append(file)
    roots = ",".join(f"{key}={value}" for key, value in project.roots.items())
    shards = [
        project.warm_command(
            f"--params={roots},sample_list={file},wait=true",
            "--pipelines=full",
            FAKES_SECONDS="0.05",
        )
        for file in lists
    ]
    assert [code for code, _ in ended(shards)] == [0, 0]
    project.forget_work()
    project.run("full")
    made = [line for line in project.work if line.startswith(("generate", "score", "edit"))]
    assert made == [], "both parts are there"
    assert len(project.table("08_reporting/scores.parquet")) == 8


def test_two_first_runs_make_one_mlflow_store(project: Project, store: Store) -> None:
    store.file.unlink()
    other = Project(project.folder, project.env)
    roots = f"data_root={project.folder / 'other'},samples_root={project.samples}"
    processes = [
        project.warm_command("--pipelines=prompt_enhancement"),
        other.warm_command(f"--params={roots}", "--pipelines=prompt_enhancement"),
    ]
    outputs = ended(processes)
    assert [code for code, _ in outputs] == [0, 0], outputs
    assert len(store.parents()) == 2


def test_reading_needs_no_lock(project: Project) -> None:
    project.run("full")
    process = project.warm_command("--pipelines=full", FAKES_SECONDS="1")
    while not (project.data / "run.lock").exists():
        time.sleep(0.02)
    table = pd.read_parquet(project.data / "08_reporting" / "scores.parquet")
    assert len(table) == 4
    elsewhere = project.folder / "copy"
    shutil.copytree(project.data, elsewhere, ignore=shutil.ignore_patterns("run.lock", ".tmp-*"))
    project.run("reporting", data_root=str(elsewhere))
    process.kill()
    process.communicate()
    assert Path(elsewhere, "08_reporting", "report.html").exists()

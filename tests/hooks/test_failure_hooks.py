"""A disk that refuses to write, and a stop: what was done is shown, then one or two lines say what to do."""

from __future__ import annotations

import errno
import logging
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from project import Project
from tpige_kedro.datasets import Mp4Dataset, TableDataset
from tpige_kedro.execution.stopping import close_all
from tpige_kedro.execution.tally import Tallies, reset_tallies
from tpige_kedro.execution.work import Job, Work
from tpige_kedro.files import atomic
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.failures import SHOWN, FailureHooks, more_failures

REFUSALS = [
    (errno.ENOSPC, "the disk is full: free some space"),
    (errno.EDQUOT, "the disk quota is used up: free some space"),
    (errno.EFBIG, "larger than the limit for files: raise it"),
    (errno.EROFS, "the file system is read-only: set another data_root"),
    (errno.EACCES, "not writable: change its permissions"),
]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """What ``ulimit -f`` does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_limit_of_file_sizes_is_named_after_what_was_done(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    save = Mp4Dataset.save

    def limited(self: Mp4Dataset, data: Any) -> None:
        with largest_file(200):
            save(self, data)

    monkeypatch.setattr(Mp4Dataset, "save", limited)
    with pytest.raises(RunStopped, match=r"vace/s1\.mp4: .*raise it \(ulimit -f") as stop:
        project.run("prompt_enhancement", "reference_enhancement", "generation_variants")
    assert "\n" not in str(stop.value)
    assert re.search("prompt_enhancement +2 made", caplog.text)
    assert "2 left" in caplog.text


@pytest.mark.parametrize(("number", "remedy"), REFUSALS[1:2])
def test_a_table_that_cannot_be_written(
    project: Project, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(atomic, "_flush", refuse)
    with pytest.raises(RunStopped) as stop:
        project.run("prompt_enhancement")
    said = str(stop.value)
    assert said.startswith("cannot save ") and remedy in said and "\n" not in said
    assert not list(project.data.rglob(".tmp-*"))


@pytest.mark.parametrize(("number", "remedy"), REFUSALS)
def test_an_error_of_the_disk_outside_of_a_save(number: int, remedy: str) -> None:
    with pytest.raises(RunStopped) as stop:
        FailureHooks().on_pipeline_error(OSError(number, os.strerror(number), "/data/x.json"))
    assert str(stop.value).startswith("/data/x.json: ") and remedy in str(stop.value)


def test_a_stop_shows_what_was_done(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hooks = FailureHooks()
    hooks.before_pipeline_run({"pipeline_names": ["scoring"]})
    jobs = [Job(key=f"s{n}", fingerprint="x", request=None) for n in range(3)]
    Tallies(Work("scoring", jobs, lambda _: iter(())), jobs[1:])  # type: ignore[arg-type]
    close_all()
    assert "scoring      1 kept     2 left" in caplog.text
    reset_tallies()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, ""),
        (SHOWN, ""),
        (SHOWN + 1, "\n  … and 1 more, all in "),
        (5000, "… and 4,970 more, all in "),
    ],
)
def test_many_failures_leave_the_result_on_the_screen(
    count: int, said: str, tmp_path: Path
) -> None:
    node = Node(lambda: None, inputs=None, outputs="all_failures", name="collect")
    table = TableDataset(filepath=str(tmp_path / "failures.parquet"), csv=True)
    table.save(pd.DataFrame({"item": ["a"]}))
    found = more_failures(count, Pipeline([node]), DataCatalog({"all_failures": table}))
    assert said in found and found.endswith("failures.csv" if said else "")
    rest = more_failures(count, Pipeline([]), DataCatalog())
    assert rest == said.replace(", all in ", "") or rest.endswith("4,970 more")

"""docs/library.md runs as it stands, and its names cost nothing until they are used."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import tpige_kedro
from project import ROOT


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    file = str(ROOT / "docs/library.md")
    failed, tried = doctest.testfile(file, module_relative=False, globs={"folder": str(tmp_path)})
    assert not failed and tried > 25


def test_every_stable_name_is_there() -> None:
    assert {*tpige_kedro.HOMES, "__version__"} == set(tpige_kedro.__all__)
    assert all(getattr(tpige_kedro, name) is not None for name in tpige_kedro.__all__)
    with pytest.raises(AttributeError, match="no attribute 'WanVase'"):
        _ = tpige_kedro.WanVase


def test_the_package_alone_is_light() -> None:
    script = "import sys, tpige_kedro; print([m for m in ('torch', 'pandas', 'kedro', 'numpy') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

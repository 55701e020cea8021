from __future__ import annotations

from pathlib import Path

import pytest
from elements import Elements
from finished_run import FinishedRun


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    """A finished run in a folder of its own, of which nothing is reported yet."""
    return FinishedRun(tmp_path)


@pytest.fixture
def page(run: FinishedRun) -> Elements:
    """Its report."""
    elements = Elements(run.report())
    assert elements.open == []  # well-formed
    return elements

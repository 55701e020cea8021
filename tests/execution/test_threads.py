from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

from tpige_kedro.execution.threads import limit_threads


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_torch_uses_what_it_is_told() -> None:
    limit_threads(1)
    assert torch.get_num_threads() == 1


def test_none_leaves_the_default() -> None:
    limit_threads(None)
    assert torch.get_num_threads() == 2 and "OMP_NUM_THREADS" not in os.environ


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    limit_threads(1)
    assert torch.get_num_threads() == 2


def test_before_torch_is_imported_it_is_not_imported() -> None:
    code = (
        "import sys; from tpige_kedro.execution.threads import limit_threads; limit_threads(1);"
        "assert 'torch' not in sys.modules; import torch; print(torch.get_num_threads())"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "1"

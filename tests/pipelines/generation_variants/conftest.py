from __future__ import annotations

from pathlib import Path

import pytest
from clip_stage import Stage

from tpige_kedro.models import release_models


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("FAKES_LOG", str(tmp_path / "log"))
    release_models()
    return Stage(tmp_path)

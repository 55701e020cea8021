from __future__ import annotations

from pathlib import Path

import pytest
from score_stage import Stage, forget

from tpige_kedro.models import release_models


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    release_models()
    forget()
    return Stage(tmp_path)

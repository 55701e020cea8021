from __future__ import annotations

import pytest
from service_project import KEY

from tpige_kedro.vision_language.dialect import forget_dialects


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return KEY


@pytest.fixture(autouse=True)
def _unknown_servers() -> None:
    """What one test's server refused says nothing of the next one, which may have its port."""
    forget_dialects()

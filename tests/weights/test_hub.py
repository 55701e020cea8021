"""The commit of a hub id, with and without asking the hub."""

from __future__ import annotations

import huggingface_hub
import pytest

from tpige_kedro.weights.hub import forget_commits, hub_revision, without_asking


def test_the_hub_is_asked_only_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Hub:
        def repo_info(self, source: str, **_: object) -> None:
            asked.append(source)
            raise ConnectionError

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    forget_commits()
    with without_asking():
        assert hub_revision("owner/unpinned", "main") == "unresolved:main"
    assert not asked
    assert hub_revision("owner/unpinned", "main") == "unresolved:main"
    assert asked == ["owner/unpinned"]  # not knowing it inside is forgotten outside
    forget_commits()

"""How much is still to come of files that are here in part."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tpige_kedro.weights.remote import CachedRepository, Remote


def test_half_downloads_count_for_what_they_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half, longer, absent = (SimpleNamespace(size=100, name=name) for name in "abc")
    (tmp_path / "a").write_bytes(b"x" * 30)
    (tmp_path / "b").write_bytes(b"x" * 130)  # of another version: it begins again
    cached = SimpleNamespace(partial=lambda file: tmp_path / file.name)
    monkeypatch.setattr(CachedRepository, "of", lambda place: cached)
    files: Any = (half, longer, absent)
    remote = Remote("owner/name", tmp_path, wanted=files, missing=files)
    assert remote.bytes == 70 + 0 + 100 and remote.size == 300

"""Texts that are saved whole: the report, a plot as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from tpige_kedro.files.atomic import save_bytes
from tpige_kedro.files.known import sha256_of


class TextFile(AbstractDataset[str, str]):
    """A UTF-8 text at ``filepath``, saved atomically; a text that would not change is not written."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        """The text."""
        return self._filepath.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        """Write the file."""
        save_bytes(self._filepath, data.encode())

    def mark(self) -> str:
        """The sha256 of its content."""
        return sha256_of(self._filepath)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath.is_file()

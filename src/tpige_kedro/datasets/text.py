"""Texts that are saved whole: the report, a plot as SVG, a page with its data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from tpige_kedro.files.atomic import save_bytes
from tpige_kedro.files.errors import DatasetError
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


class TextFiles(AbstractDataset[Mapping[str, str], dict[str, str]]):
    """UTF-8 texts that belong together, by the names of their files in ``path``, each saved as a :class:`TextFile`.

    The first is the one to open.
    """

    def __init__(
        self, *, path: str, files: Sequence[str], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._texts = {name: TextFile(filepath=str(Path(path, name))) for name in files}
        self._filepath = Path(path, files[0])
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """The texts."""
        return {name: text.load() for name, text in self._texts.items()}

    def save(self, data: Mapping[str, str]) -> None:
        """Write the files. Raises ``DatasetError`` if they are not those of the catalog."""
        if set(data) != set(self._texts):
            raise DatasetError(f"the files are {', '.join(self._texts)}, not {', '.join(data)}")
        for name, text in data.items():
            self._texts[name].save(text)

    def mark(self) -> str:
        """The sha256 of their contents."""
        marks = [text.mark() for text in self._texts.values()]
        return hashlib.sha256(" ".join(marks).encode()).hexdigest()

    def _describe(self) -> dict[str, Any]:
        return {"files": [text._describe()["filepath"] for text in self._texts.values()]}

    def _exists(self) -> bool:
        return all(text._exists() for text in self._texts.values())

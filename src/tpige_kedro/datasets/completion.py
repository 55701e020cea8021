"""Which items are finished, read from their records: what a run needs to know to redo nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from tpige_kedro.datasets.atomic import is_temporary


class CompletionIndex(AbstractDataset[None, dict[str, str]]):
    """``{key: fingerprint}`` of all record files under ``path``, read-only.

    A key is the file's path below ``path`` without its suffix (``vace/id001``). A record that cannot be read, has no
    fingerprint, or whose output file is gone (``outputs: {path, filename_suffix}``) does not count: the item is redone.
    """

    def __init__(
        self,
        *,
        path: str,
        filename_suffix: str = ".json",
        outputs: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._path = Path(path)
        self._suffix = filename_suffix
        self._outputs = outputs
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Read all records; an absent folder gives ``{}``."""
        index = {}
        for file in sorted(self._path.rglob(f"*{self._suffix}")):
            key = file.relative_to(self._path).as_posix().removesuffix(self._suffix)
            mark = _fingerprint(file)
            if mark is not None and self._has_output(key):
                index[key] = mark
        return index

    def save(self, data: None) -> NoReturn:
        """Refused: the index follows from the records."""
        raise DatasetError("a CompletionIndex is read from records and cannot be saved")

    def _has_output(self, key: str) -> bool:
        if self._outputs is None:
            return True
        return Path(self._outputs["path"], key + self._outputs["filename_suffix"]).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path), "outputs": self._outputs}

    def _exists(self) -> bool:
        return self._path.is_dir()


def _fingerprint(file: Path) -> str | None:
    if is_temporary(file):
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:  # not JSON, or not text: a record that proves nothing
        return None
    mark = record.get("fingerprint") if isinstance(record, dict) else None
    return mark if isinstance(mark, str) else None

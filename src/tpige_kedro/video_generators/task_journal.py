"""Which tasks of a paid service were asked for, on disk before anything else happens, so that a crash never pays twice."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


class TaskJournal:
    """A folder with one small JSON file per request, named after everything that decides the request.

    ``asked`` is written before the service is called and replaced by ``task_id`` when it has answered. A run that finds
    ``asked`` alone cannot know whether the service took the request, and must not send it again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def key(**parts: Any) -> str:
        """The name of a request; parts are JSON types."""
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def path(self, key: str) -> Path:
        """The file of a request."""
        return self.folder / f"{key}.json"

    def read(self, key: str) -> dict[str, Any]:
        """What is known of a request; ``{}`` if it was never sent. Raises ``ValueError`` for a damaged file."""
        try:
            entry = json.loads(self.path(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or not entry:
            raise ValueError(
                f"{self.path(key)} is damaged; delete it to ask, and pay, for this clip anew"
            )
        return entry

    def write(self, key: str, **entry: Any) -> None:
        """Replace what is known of a request; on the disk, whole, when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".tmp-{os.getpid()}-{key}.json"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(entry, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path(key))
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def forget(self, key: str) -> None:
        """The request may be sent anew."""
        self.path(key).unlink(missing_ok=True)

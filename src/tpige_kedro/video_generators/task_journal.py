"""Which tasks were requested from a paid service, on disk before anything else happens, so that a crash never pays twice."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tpige_kedro.services import json_answer

logger = logging.getLogger(__name__)

LARGEST = 64 * 1024  # bytes of an entry; ours have some hundreds
TEXTS = ("task_id", "refused", "sample_id", "model", "request")


class TaskJournal:
    """A folder with one small JSON file per request, named after everything that decides the request.

    ``asked`` is written before the service is called and replaced by ``task_id`` when it has answered. A run that finds
    ``asked`` alone cannot know whether the service took the request, and must not send it again. ``request`` repeats the
    name of the file, so that a copied or renamed one is not taken for another request's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def key(**parts: Any) -> str:
        """The name of a request; parts are JSON types."""
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def path(self, key: str) -> Path:
        """The file of a request."""
        return self.folder / f"{key}.json"

    def read(self, key: str, about: Mapping[str, str]) -> dict[str, Any]:
        """What is known of a request about a sample and model; ``{}`` if it was never sent.

        An entry about another request is put aside, with a line in the log. Raises ``ValueError`` for a damaged file.
        """
        try:
            entry = self._entry(self.path(key))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise ValueError(
                f"{self.path(key)} is damaged; delete it to request this clip, and pay for it, again"
            ) from None
        expected = {**about, "request": key}
        other = [name for name in expected if name in entry and entry[name] != expected[name]]
        if not other:
            return entry
        aside = self.path(key).with_suffix(".ignored")
        os.replace(self.path(key), aside)
        logger.warning(
            "sample %s: the journal entry %s was made for another %s; it is set aside as %s",
            about.get("sample_id", ""),
            self.path(key),
            " and ".join(other),
            aside.name,
        )
        return {}

    def write(self, key: str, **entry: Any) -> None:
        """Replace what is known of a request; on the disk, whole, when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".tmp-{os.getpid()}-{key}.json"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump({**entry, "request": key}, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path(key))
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def forget(self, key: str) -> None:
        """The request may be sent again."""
        self.path(key).unlink(missing_ok=True)

    @staticmethod
    def _entry(path: Path) -> dict[str, Any]:
        """The content of a file. Raises ``ValueError`` for anything that :meth:`write` would not have written."""
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError
        entry = json_answer.parse(content.decode("utf-8"))
        if not isinstance(entry, dict) or not {"asked", "task_id", "refused"} & set(entry):
            raise ValueError
        if not all(isinstance(entry[name], str) and entry[name] for name in TEXTS if name in entry):
            raise ValueError
        return entry

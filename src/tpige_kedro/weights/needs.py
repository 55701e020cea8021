"""What several models need together: each place once, with all the files that any of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tpige_kedro.errors import ModelError
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights.addresses import PUBLISHED
from tpige_kedro.weights.parts import Part, parts_of
from tpige_kedro.weights.remote import lacking_in
from tpige_kedro.weights.sources import HUB_ID, local_path, where_from


@dataclass(frozen=True)
class Need:
    """A place, the files that are needed of it, and the models that need them."""

    part: Part
    models: tuple[str, ...]

    @property
    def is_local(self) -> bool:
        """Whether it is a file or folder of this machine, there or not."""
        return local_path(self.part.place).exists() or not HUB_ID.match(self.part.place)

    @property
    def folder(self) -> Path:
        """The local one."""
        return local_path(self.part.place)


def needs_of(models: Mapping[str, ModelSpec]) -> list[Need]:
    """The needs of ``models`` (names and entries), in their order."""
    found: dict[tuple[str, str | None], Need] = {}
    for name, spec in models.items():
        for part in parts_of(spec):
            key = (part.place, part.revision)
            before = found.get(key)
            found[key] = Need(part, (name,)) if before is None else _joined(before, part, name)
    return list(found.values())


def _joined(need: Need, part: Part, model: str) -> Need:
    both = need.part.files and part.files  # no patterns: everything
    files = tuple(dict.fromkeys((*need.part.files, *part.files))) if both else ()
    models = need.models if model in need.models else (*need.models, model)
    return Need(Part(part.option, part.place, part.revision, files), models)


def absent_files(need: Need) -> list[str]:
    """What a local folder lacks of the files that are needed, each with a stable address.

    Raises:
        ModelError: it lacks something that has none; says what and where to look.
    """
    if need.folder.is_file():
        return []
    absent = sorted(lacking_in(need.folder, need.part.files))
    if not need.folder.exists() and not need.part.files:
        absent = ["folder"]
    by_hand = [name for name in absent if name not in PUBLISHED]
    if by_hand:
        what = "it does not exist" if not need.folder.exists() else f"it has no {_few(by_hand)}"
        raise ModelError(
            f"{need.folder}: {what}, and none of it can be downloaded automatically; {where_from(need.part.place)}"
        )
    return absent


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"

"""What a model read in a face: the only facts that prompt enhancement may add to a prompt (paper section 3.2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Attribute:
    """One thing seen in the face: its wording and the reader's confidence in [0, 1]."""

    text: str
    confidence: float = 1.0


@dataclass(frozen=True)
class FaceAttributes:
    """The facial attributes of one person; a field is None where the reader saw nothing.

    The wording is what goes into the clause: ``age`` "elderly", ``skin`` "pale-skinned", ``gender`` "man",
    ``hair`` "red hair in a bun", ``eyes`` "blue eyes", ``facial_hair`` "a mustache", ``traits`` ("freckles", "round glasses").
    """

    age: Attribute | None = None
    skin: Attribute | None = None
    gender: Attribute | None = None
    hair: Attribute | None = None
    eyes: Attribute | None = None
    facial_hair: Attribute | None = None
    traits: tuple[Attribute, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain types for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FaceAttributes:
        """The inverse of :meth:`to_dict`; unknown keys raise ``ValueError``."""
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"face attributes: unknown keys {sorted(unknown)}")
        single = {k: Attribute(**v) for k, v in values.items() if k != "traits" and v is not None}
        return cls(**single, traits=tuple(Attribute(**t) for t in values.get("traits", ())))

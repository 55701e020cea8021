"""Ids as file names: ids that cannot name a file on every system, and ids that would be the same file on some."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from tpige_kedro.schemas import SAFE_ID

# Windows opens a device for these names, whatever follows their first dot
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
NAMES = ("sample_id", "person_id")


def id_problem(name: str, value: str) -> str:
    """Why an id cannot name a file, or the empty text.

    >>> id_problem("sample_id", "ada_1"), id_problem("sample_id", "nul.1")
    ('', "sample_id 'nul.1' is the name of a device on Windows, where no file can have it; choose another")
    """
    shown = f"{name} {value[:100]!r}"
    if not re.fullmatch(SAFE_ID, value):
        return (
            f"{shown} cannot name a file{_odd_letter(value)}; use up to 100 letters, digits, dots, dashes and underscores, "
            "beginning with a letter or digit"
        )
    if DEVICES.fullmatch(value):
        return (
            f"{shown} is the name of a device on Windows, where no file can have it; choose another"
        )
    if value.endswith("."):
        return f"{shown} ends with a dot, which Windows drops; choose another"
    return ""


def _odd_letter(value: str) -> str:
    """Names a letter that is not what it looks like."""
    odd = next((mark for mark in value if not mark.isascii()), "")
    if not odd:
        return ""
    name = unicodedata.name(odd, "")
    return f" (it holds U+{ord(odd):04X}{', ' + name if name else ''})"


@dataclass
class KnownIds:
    """The ids of the rows so far: sample ids are unique, and no two ids differ in upper and lower case only."""

    samples: set[str] = field(default_factory=set)
    spellings: dict[tuple[str, str], str] = field(default_factory=dict)

    def problem(self, row: dict[str, str]) -> str:
        """What is wrong with the ids of a row beside those above it, or the empty text."""
        for name in NAMES:
            if problem := id_problem(name, row[name]):
                return problem
        if row["sample_id"] in self.samples:
            return "another row above has the same sample_id; give each row its own"
        for name in NAMES:
            first = self.spellings.get((name, row[name].lower()), row[name])
            if first != row[name]:
                return (
                    f"{name} {row[name]!r} and {first!r} of a row above differ in upper and lower case only, and many disks do not "
                    "tell them apart; write both the same way if they mean the same, or choose another"
                )
        return ""

    def add(self, row: dict[str, str]) -> None:
        """Remember a row."""
        self.samples.add(row["sample_id"])
        for name in NAMES:
            self.spellings.setdefault((name, row[name].lower()), row[name])

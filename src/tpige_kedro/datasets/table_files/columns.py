"""Column names of a user's table: known, too similar to a known one and refused, or not used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tpige_kedro.characters import distance, folded, shown
from tpige_kedro.files.errors import DatasetError

# words of their own that are two letters from a known name
ORDINARY = frozenset({"comment", "context", "difference", "presence", "personal", "sampled"})
SHORT = 7  # names below may have one wrong letter, longer ones two
LONGEST = 60  # characters of a name in a message
TOO_LONG = 1000  # for a name that was meant to be a known one
LISTED = 20  # names in one line


def sort_columns(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The names that are not used, in words.

    Raises:
        DatasetError: a name is there twice, or is like a known one; it says which, and what it should be.

    >>> sort_columns(["sample_id", "mood", ""], ["sample_id", "consent"])
    ['mood', '(no name)']
    """
    problems = [
        f"the column {name} is there {names.count(name)} times; keep one"
        for name in known
        if names.count(name) > 1
    ]
    others = [name for name in dict.fromkeys(names) if name not in known]
    likes = {name: looks_like(name, known) for name in others}
    problems += [
        f"the column '{_short(name)}' looks like {like}; write {like} exactly so, or choose another name if it is something else"
        for name, like in likes.items()
        if like
    ]
    if problems:
        raise DatasetError("; ".join(problems))
    return [_short(name.strip()) or "(no name)" for name in others]


def looks_like(name: str, known: Iterable[str]) -> str:
    """The known name that ``name`` may be meant to be; the empty text if there is none.

    >>> looks_like("Sample ID", ["sample_id"]), looks_like("id_sample", ["sample_id"])
    ('sample_id', 'sample_id')
    """
    seen = folded(name) if len(name) <= TOO_LONG else ""
    if not seen or seen in ORDINARY:
        return ""
    for wanted in known:
        plain = folded(wanted)
        most = 1 if len(plain) < SHORT else 2
        close = abs(len(seen) - len(plain)) <= most and distance(seen, plain) <= most
        if close or _words(name) == _words(wanted) or (wanted == "consent" and "consent" in seen):
            return wanted
    return ""


def _short(name: str) -> str:
    return shown(name if len(name) <= LONGEST else f"{name[:LONGEST]}…")


def _words(name: str) -> list[str]:
    return sorted(folded(word) for word in re.split(r"[\W_]+", name) if folded(word))


def listed(names: Sequence[str]) -> str:
    """Names in one line, not all of very many."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more

"""Names that were probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MANY = 12  # more names than this are not listed


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``, if one is.

    >>> nearest("scorring", ["scoring", "reporting"]), nearest("xyz", ["scoring"])
    ('scoring', None)
    """
    spelled = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), spelled, n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def advice(name: str, known: Iterable[str]) -> str:
    """What to write instead of ``name``: the nearest known name, else all of them if they are few.

    >>> advice("scorring", ["scoring", "reporting"]), advice("xyz", ["scoring", "reporting"])
    ('did you mean scoring?', 'there are reporting, scoring')
    """
    names = sorted(known)
    if found := nearest(name, names):
        return f"did you mean {found}?"
    if not names:
        return "there are none"
    more = "" if len(names) <= MANY else f" and {len(names) - MANY} more"
    return f"there are {', '.join(names[:MANY])}{more}"

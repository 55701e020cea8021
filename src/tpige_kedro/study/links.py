"""Links for raters: a token that nobody can guess, of which only the hash is kept, and a code that names nobody."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

from tpige_kedro.errors import TpigeError
from tpige_kedro.study.votes_store import VotesStore

BYTES = 24  # of a token: 192 bits
CODE = "abcdefghjkmnpqrstuvwxyz23456789"  # letters and digits that are not taken for each other
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
NEVER = "never"


def make_links(
    store: VotesStore, count: int, base: str, lasts: timedelta | None
) -> list[tuple[str, str]]:
    """New raters: code and link of each. The links are not kept: who loses one gets a new one."""
    made = datetime.now(UTC)
    expires = "" if lasts is None else moment(made + lasts)
    found: list[tuple[str, str]] = []
    while len(found) < count:
        token, code = secrets.token_urlsafe(BYTES), new_code("r")
        if store.add_rater(code, token_hash(token), moment(made), expires):
            found.append((code, f"{base.rstrip('/')}/r/{token}"))
    return found


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_code(first: str) -> str:
    """A code for a rater: six letters or digits after ``first``."""
    return first + "".join(secrets.choice(CODE) for _ in range(6))


def moment(at: datetime) -> str:
    """UTC, ISO 8601, to the millisecond: texts that are compared as times.

    >>> moment(datetime(2026, 5, 1, 9, 30, tzinfo=UTC))
    '2026-05-01T09:30:00.000+00:00'
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def duration(text: str) -> timedelta | None:
    """How long a link works: ``30m``, ``12h``, ``14d``, ``2w``; ``never`` means that it does not expire.

    >>> duration("14d"), duration("never")
    (datetime.timedelta(days=14), None)
    """
    if text.strip().lower() == NEVER:
        return None
    found = re.fullmatch(r"\s*([1-9]\d{0,3})\s*([mhdw])\s*", text.lower())
    if found is None:
        raise TpigeError(
            f"--expires {text}: write a number and m, h, d or w, such as 14d; or never"
        )
    return timedelta(**{UNITS[found[2]]: int(found[1])})

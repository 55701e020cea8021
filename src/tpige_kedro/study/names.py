"""Names that say nothing: of clips, pictures and pairs."""

from __future__ import annotations

import hashlib

LENGTH = 20  # hexadecimal digits


def meaningless(*parts: str) -> str:
    """A name that looks random and comes out the same for the same parts.

    One of the parts must be what raters do not have, such as the hash of an original clip: who knows all parts can compute the name.

    >>> meaningless("a", "b") == meaningless("a", "b"), meaningless("a", "b") == meaningless("ab")
    (True, False)
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:LENGTH]

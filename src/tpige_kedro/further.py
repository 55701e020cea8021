"""The further pictures of a person in the tables of samples and clips: names and hashes beside those of the first one.

Tables in which everybody has one picture do not have these columns, and are what they were before there could be several.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

NAMES, HASHES = "further_references", "further_hashes"
COLUMNS = (NAMES, HASHES)


def packed(texts: Sequence[str]) -> str:
    """Texts as one cell; nothing is the empty text.

    >>> packed(["ada/2.jpg"]), packed([])
    ('["ada/2.jpg"]', '')
    """
    return json.dumps(list(texts), ensure_ascii=False) if texts else ""


def unpacked(cell: object) -> list[str]:
    """The texts of a cell.

    >>> unpacked('["ada/2.jpg"]'), unpacked(""), unpacked(None)
    (['ada/2.jpg'], [], [])
    """
    return list(json.loads(cell)) if isinstance(cell, str) and cell else []


def further_pictures(row: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """Names and hashes of the further pictures of a row."""
    return list(zip(unpacked(row.get(NAMES)), unpacked(row.get(HASHES)), strict=True))

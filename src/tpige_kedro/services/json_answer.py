"""JSON that a server or model sent, read with bounds: depth, size of numbers, no halves of characters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 64  # answers of the services here have at most ten levels
DIGITS = 300  # of an integer; Python's parser refuses some thousands with an error of its own
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
DECODER = json.JSONDecoder(
    parse_constant=lambda name: None if name == "NaN" else float(name),
    parse_int=lambda digits: int(digits) if len(digits) <= DIGITS else float(digits),
    strict=False,  # a line break inside a string is no reason to refuse an answer
)


class TooDeepError(ValueError):
    """Nested deeper than any answer should be."""


def parse(text: str) -> Any:
    """The value of a JSON text; NaN, which models write for "not seen", becomes None.

    Raises:
        TooDeepError: nested in more than 64 levels; Python's parser would end in a ``RecursionError``.
        ValueError: not JSON.

    >>> parse('\\ufeff {"a": [1, NaN, 1e999]}')
    {'a': [1, None, inf]}
    """
    refuse_depth(text)
    bare = text.lstrip("\ufeff \t\r\n").rstrip()
    return cleaned(DECODER.decode(bare), whole_characters)


def refuse_depth(text: str) -> None:
    """Raise ``TooDeepError`` where brackets outside of strings are nested too deep."""
    depth = 0
    for token in TOKEN.finditer(text):
        first = token.group()[0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeepError(f"nested deeper than {MAX_DEPTH} levels")
        elif first in "]}":
            depth = max(0, depth - 1)


def cleaned(value: object, clean: Callable[[str], str]) -> Any:
    """``value`` with ``clean`` applied to every text in it, keys included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): cleaned(part, clean) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(part, clean) for part in value]
    return value


def whole_characters(text: str) -> str:
    """``text`` with lone surrogates, which no file or table can hold, replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

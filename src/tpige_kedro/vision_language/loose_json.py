"""Finds JSON objects in what a model wrote: in fences and prose, as a text inside JSON, with the small errors that models make."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from tpige_kedro.services import json_answer

LONGEST = 60_000  # characters of an answer that are looked through
INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"
STRING = (
    r'"(?:[^"\\]|\\.)*+"?'  # the quotation mark at its end may lack: so no text is searched twice
)
TRAILING_COMMA = re.compile(rf"({STRING})|,(?=\s*[}}\]])", re.DOTALL)
COMMENT = re.compile(rf"({STRING})|//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/)?", re.DOTALL)
BRACE = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}]', re.DOTALL)
LOOKS_LIKE_OBJECT = re.compile(r"\{\s*[\"'“}]")
ESCAPED = re.compile(r'\{\s*(?:\\n\s*)*\\"')
SMART = str.maketrans("“”", '""')


class BrokenError(ValueError):
    """Something begins like an object and is none, or ends too early."""


def objects_in(text: str) -> list[dict[str, Any]]:
    """All top-level objects in ``text``, in order, including those in a text that is itself JSON.

    Raises:
        BrokenError: none, but something that begins like one.

    >>> objects_in('Sure: {"a": 1,} and "{\\\\"b\\\\": NaN}"')
    [{'a': 1}, {'b': None}]
    """
    whole = _value(text.strip().lstrip(INVISIBLE).strip())
    if whole is not None:
        return [*_objects_of(whole)]
    found: list[dict[str, Any]] = []
    broken, position, text = False, 0, text[:LONGEST]
    while (position := text.find("{", position)) >= 0:
        if text[position - 1 : position] == '"' and ESCAPED.match(text, position):
            value, position = _in_string(text, position)
            if value is None:
                break  # the string never ends
        elif LOOKS_LIKE_OBJECT.match(text, position):
            end = _end_of_object(text, position)
            value = _value(text[position:end])
            broken |= value is None
            if not end:
                break  # what stands in an object that never ends is no answer
            position = end
        else:
            value, position = None, position + 1
        found += _objects_of(value)
    if broken and not found:
        raise BrokenError
    return found


def _value(text: str) -> Any:
    """The JSON in ``text``, as it is or with its slips put right; None if it is none."""
    attempts = (str, _corrected, _with_straight_quotes) if len(text) <= LONGEST else (str,)
    for attempt in attempts:
        try:
            return json_answer.parse(attempt(text))
        except json_answer.TooDeepError:
            return None
        except ValueError:
            continue
    if not text.startswith("{") or len(text) > LONGEST:
        return None
    try:  # as Python prints a dict
        value = ast.literal_eval(text)
        return json_answer.parse(json.dumps(value))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _corrected(text: str) -> str:
    """Without comments and without commas before a closing bracket."""
    return TRAILING_COMMA.sub(lambda m: m[1] or "", COMMENT.sub(lambda m: m[1] or "", text))


def _with_straight_quotes(text: str) -> str:
    """Typographic quotation marks made straight, where there are no straight ones that they could be confused with."""
    if '"' in text or "“" not in text:
        raise ValueError
    return _corrected(text.translate(SMART))


def _end_of_object(text: str, begin: int) -> int:
    """Behind the brace that closes the one at ``begin``; 0 if none does."""
    depth = 0
    for mark in BRACE.finditer(text, begin):
        if mark.group() == "{":
            depth += 1
        elif mark.group() == "}":
            depth -= 1
            if depth == 0:
                return mark.end()
    return 0


def _in_string(text: str, begin: int) -> tuple[Any, int]:
    """What the JSON string says in which the brace at ``begin`` is the first character, and where it ends."""
    try:
        return json_answer.DECODER.raw_decode(text, begin - 1)
    except ValueError:
        return None, begin + 1


def _objects_of(value: object) -> Iterator[dict[str, Any]]:
    """The object that ``value`` is, or those in the text or list that it is."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        yield from (part for part in value if isinstance(part, dict))
    elif isinstance(value, str) and "{" in value:
        with suppress(BrokenError):
            yield from objects_in(value)

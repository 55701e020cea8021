"""Texts in which characters are written as escapes, decoded with a memory of where each character came from."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

ROUNDS = 5  # an escape of an escape of an escape …
ESCAPE = re.compile(
    r"\\u\{([0-9a-fA-F]{1,6})\}|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\x([0-9a-fA-F]{2})|\\([0-3][0-7]{2})"
    r"|%u([0-9a-fA-F]{4})|%([0-9a-fA-F]{2})|=([0-9a-fA-F]{2})"
    r"|(\\[\"'\\/]|=\r?\n)|(&(?:#\d{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});?)"
)
OCTAL, WRITTEN, ENTITY = 5, 9, 10  # groups of it
UNSEEN = re.compile(r"[\s\x00-\x1f\x7f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")


@dataclass(frozen=True)
class Decoded:
    """``text``, and for each of its characters where its writing begins and ends in the original."""

    text: str
    spans: list[tuple[int, int]]

    def replaced(self, pattern: re.Pattern[str], decode: bool) -> Decoded:
        """Every match decoded, or left out."""
        parts, spans, last = [], [], 0
        for match in pattern.finditer(self.text):
            begin, end = match.span()
            new = unescaped(match) if decode else ""
            parts += [self.text[last:begin], new]
            spans += self.spans[last:begin]
            spans += [(self.spans[begin][0], self.spans[end - 1][1])] * len(new)
            last = end
        return Decoded("".join([*parts, self.text[last:]]), spans + self.spans[last:])


def unescaped(match: re.Match[str]) -> str:
    """The character of one match of ``ESCAPE``."""
    kind = match.lastindex or 0
    found = match.group(kind)
    if kind == ENTITY:
        return html.unescape(found if found.endswith(";") else found + ";")
    if kind == WRITTEN:
        return found[1:] if found.startswith("\\") else ""
    number = int(found, 8 if kind == OCTAL else 16)
    return chr(number) if number <= 0x10FFFF else match.group()


def readings(text: str) -> Iterator[str]:
    """``text`` as it is, and decoded again and again while that changes it; without spaces and characters nobody sees.

    >>> list(readings("a%2562 c"))
    ['a%2562c', 'a%62c', 'abc']
    """
    for _ in range(ROUNDS + 1):
        yield UNSEEN.sub("", text)
        decoded = ESCAPE.sub(unescaped, text)
        if decoded == text:
            return
        text = decoded


def traced_readings(text: str) -> Iterator[Decoded]:
    """The same, with the places of the characters: slower."""
    decoded = Decoded(text, [(i, i + 1) for i in range(len(text))])
    for _ in range(ROUNDS + 1):
        yield decoded.replaced(UNSEEN, decode=False)
        further = decoded.replaced(ESCAPE, decode=True)
        if further.text == decoded.text:
            return
        decoded = further

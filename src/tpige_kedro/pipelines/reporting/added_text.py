"""What prompt enhancement added to a prompt, piece by piece, for the report to mark."""

from __future__ import annotations

import difflib
import re


def added_text(original: str, enhanced: str) -> list[tuple[str, bool]]:
    """The enhanced prompt in pieces: text, and whether it is new; joined, the pieces are ``enhanced``.

    A prompt with one insertion, which is what prompt enhancement makes, is cut at exactly the inserted characters; any other
    change is compared by words and punctuation marks.

    >>> added_text("A chef cooks.", "A chef, an old man, cooks.")
    [('A chef', False), (', an old man,', True), (' cooks.', False)]
    """
    start = _insertion_start(original, enhanced)
    if start is not None:
        stop = start + len(enhanced) - len(original)
        cut = ((enhanced[:start], False), (enhanced[start:stop], True), (enhanced[stop:], False))
        return [(text, added) for text, added in cut if text]
    before, after = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (original, enhanced))
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    return [
        ("".join(after[start:stop]), kind != "equal")
        for kind, _, _, start, stop in matcher.get_opcodes()
        if stop > start
    ]


def _insertion_start(original: str, enhanced: str) -> int | None:
    """Where text was inserted into ``original`` to make ``enhanced``; None if that is not how they differ.

    Several places may give the same text ("a man, [old, ]alone" or "a man[, old], alone"): a comma opens the insertion.
    """
    before = _common_start(original, enhanced)
    after = _common_start(original[::-1], enhanced[::-1])
    if before + after < len(original) or len(enhanced) < len(original):
        return None
    comma = enhanced.find(",", len(original) - after, before + 1)
    return comma if comma >= 0 else before


def _common_start(a: str, b: str) -> int:
    differ = (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    return next(differ, min(len(a), len(b)))

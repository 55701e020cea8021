"""Where a text has more words than another: the stretches that were put in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Span = tuple[int, int]
MAX_CELLS = 40_000  # of the table of common lengths: 10 ms


def inserted_spans(original: Sequence[str], enhanced: Sequence[str]) -> list[Span]:
    """The stretches ``[begin, end)`` of ``enhanced`` that ``original`` has not, as few words as possible.

    >>> inserted_spans("A man walks .".split(), "A young man with a beard walks .".split())
    [(1, 2), (3, 6)]
    """
    before, behind = _common(original, enhanced)
    last, end = len(original) - behind, len(enhanced) - behind
    if before == last:
        return [(before, end)] if before < end else []
    kept = _kept(original[before:last], enhanced[before:end])
    spans: list[Span] = []
    for index in range(before, end):
        if index - before in kept:
            continue
        if spans and spans[-1][1] == index:
            spans[-1] = (spans[-1][0], index + 1)
        else:
            spans.append((index, index + 1))
    return spans


def same_insertions(
    enhanced: Sequence[str], span: Span, lowest: int, highest: int
) -> Iterator[Span]:
    """``span`` and its shifts that leave the same words: "a [man with a] beard" is "[a man with] a beard"."""
    yield span
    begin, end = span
    while begin > lowest and enhanced[begin - 1] == enhanced[end - 1]:
        begin, end = begin - 1, end - 1
        yield begin, end
    begin, end = span
    while end < highest and enhanced[begin] == enhanced[end]:
        begin, end = begin + 1, end + 1
        yield begin, end


def _common(original: Sequence[str], enhanced: Sequence[str]) -> tuple[int, int]:
    """How many words both begin with, and end with behind these."""
    shorter = min(len(original), len(enhanced))
    before = 0
    while before < shorter and original[before] == enhanced[before]:
        before += 1
    behind = 0
    while behind < shorter - before and original[-1 - behind] == enhanced[-1 - behind]:
        behind += 1
    return before, behind


def _kept(original: Sequence[str], enhanced: Sequence[str]) -> set[int]:
    """The places in ``enhanced`` of a longest common subsequence; in long texts of the first that is met."""
    if len(original) * len(enhanced) > MAX_CELLS:
        return _met_first(original, enhanced)
    rows = [[0] * (len(enhanced) + 1)]
    for word in reversed(original):
        above, row = rows[-1], [0] * (len(enhanced) + 1)
        for index in range(len(enhanced) - 1, -1, -1):
            row[index] = (
                above[index + 1] + 1
                if word == enhanced[index]
                else max(above[index], row[index + 1])
            )
        rows.append(row)
    rows.reverse()
    kept: set[int] = set()
    at = index = 0
    while at < len(original) and index < len(enhanced):
        if original[at] == enhanced[index] and rows[at][index] == rows[at + 1][index + 1] + 1:
            kept.add(index)
            at, index = at + 1, index + 1
        elif rows[at + 1][index] >= rows[at][index + 1]:
            at += 1
        else:
            index += 1
    return kept


def _met_first(original: Sequence[str], enhanced: Sequence[str]) -> set[int]:
    kept: set[int] = set()
    for index, word in enumerate(enhanced):
        if len(kept) < len(original) and word == original[len(kept)]:
            kept.add(index)
    return kept

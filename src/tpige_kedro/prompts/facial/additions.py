"""Which of the words that were added to a text do not speak of a face.

A stretch of added words passes if every word is in the lexicon and all of them together are a phrase of the grammar, alone or with the
words around it ("a man with [curly] hair"). Words of faces with another head ("a chestnut horse", "the bridge at dusk") are no
such phrase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tpige_kedro.prompts.facial.compounds import Classes
from tpige_kedro.prompts.facial.insertions import Span, inserted_spans, same_insertions
from tpige_kedro.prompts.facial.lexicon import classes_of, grouped, phrases, plain

LEFT, RIGHT = 6, 4  # words around an addition that may belong to its phrase
FUNCTION = frozenset(
    {"DET", "OWN", "PRONOUN", "QUANTITY", "AND", "BUT", "TO", "AS", "THAN", "PREP", "HAVE", "BE", "WITHOUT", "PAUSE", "ADVERB", "ABOUT", "DIRECTION", "NUMBER"}
)  # fmt: skip
HEADS = frozenset({"FEATURE", "STRAND", "MARKING", "PERSON", "HEAD", "GLASSES"})
NOUNS = frozenset({"FEATURE", "HEAD", "GLASSES"})
BARE = frozenset({"PERSON_ADJ", "PERSON_ONLY", "AGE_ADJ", "PEOPLE", "YEAR_OLD"})
PERSON: Classes = frozenset({"PERSON"})


@dataclass(frozen=True)
class Text:
    """The tokens of an enhanced prompt, and the words by which the prompt names its person."""

    tokens: Sequence[str]
    person: tuple[str, ...] = ()

    def words(self, begin: int, end: int) -> list[tuple[int, int, Classes]]:
        """The words and expressions between two tokens with their classes; the prompt's own name for the person is one word."""
        found = [
            (begin + b, begin + e, classes) for b, e, classes in grouped(self.tokens[begin:end])
        ]
        size = len(self.person)
        for index in range(len(found) - size + 1 if size else 0):
            b, e = found[index][0], found[index + size - 1][1]
            if e - b == size and tuple(map(plain, self.tokens[b:e])) == self.person:
                return [*found[:index], (b, e, found[index][2] | PERSON), *found[index + size :]]
        return found

    def is_person(self, index: int) -> bool:
        """Whether the token names a person."""
        word = plain(self.tokens[index])
        return word in self.person[-1:] or "PERSON" in classes_of(word)


def refused_words(
    original: Sequence[str], enhanced: Sequence[str], person: Sequence[str] = ()
) -> list[str]:
    """The tokens of ``enhanced`` that ``original`` has not and that do not speak of a face, in their order.

    ``person``: the words by which the original names its person; they may be repeated.

    >>> refused_words("A man walks".split(), "A man with brown hair and a satchel walks".split())
    ['satchel']
    >>> refused_words("A man walks".split(), "A man , a golden bridge , walks".split())
    ['golden', 'bridge']
    """
    text = Text(enhanced, tuple(map(plain, person)))
    spans = inserted_spans(original, enhanced)
    refused: list[str] = []
    for place, span in enumerate(spans):
        lowest = spans[place - 1][1] if place else 0
        highest = spans[place + 1][0] if place + 1 < len(spans) else len(enhanced)
        refused += _least_refused(text, same_insertions(enhanced, span, lowest, highest))
    return refused


def _least_refused(text: Text, spans: Iterable[Span]) -> list[str]:
    """What is refused of one addition, read in the way that speaks best for it."""
    least: list[str] | None = None
    for span in spans:
        found = _refused_in(text, span)
        if not found:
            return []
        least = found if least is None or len(found) < len(least) else least
    return least or []


def refused_beside(
    said: Sequence[str], told: Sequence[bool], person: Sequence[str] = ()
) -> list[str]:
    """The tokens of a text that are neither ``told`` (known from elsewhere) nor speak of a face.

    ``person``: the words by which the text names its person.
    """
    text = Text(said, tuple(map(plain, person)))
    refused: list[str] = []
    begin = 0
    while begin < len(said):
        end = begin
        while end < len(said) and not told[end]:
            end += 1
        if end > begin:
            refused += _refused_in(text, (begin, end))
        begin = max(end, begin + 1)
    return refused


def _refused_in(text: Text, span: Span) -> list[str]:
    words = text.words(*span)
    unknown = [
        token for begin, end, classes in words if not classes for token in text.tokens[begin:end]
    ]
    if unknown:
        return unknown
    stop = phrases().first_stop([classes for _, _, classes in words])
    if stop is None and _stands_well(text, span, words):
        return []
    if _fits_around(text, span):
        return []
    return _phrase_at(text, words, len(words) - 1 if stop is None else min(stop, len(words) - 1))


def _fits_around(text: Text, span: Span) -> bool:
    """Whether the addition is part of a phrase with the words before or behind it, no mark between."""
    begin, end = span
    for right in _reaches(text, end):
        for left in range(min(LEFT, begin) + 1):
            if left and not (
                text.is_person(begin - left) or classes_of(plain(text.tokens[begin - left]))
            ):
                break
            if not right and not left:
                continue
            words = text.words(begin - left, end + right)
            if phrases().first_stop([classes for _, _, classes in words]) is None and (
                right or _stands_well(text, (begin - left, end), words)
            ):
                return True
    return False


def _reaches(text: Text, end: int) -> Iterator[int]:
    """How many words behind an addition may belong to its phrase: none, or up to a noun ("a [young] man", "a man with [curly] hair")."""
    yield 0
    if not text.tokens[end - 1][0].isalnum():
        return
    for right in range(1, min(RIGHT, len(text.tokens) - end) + 1):
        index = end + right - 1
        if text.is_person(index) or classes_of(plain(text.tokens[index])) & NOUNS:
            yield right


def _stands_well(text: Text, span: Span, words: Sequence[tuple[int, int, Classes]]) -> bool:
    """Whether words without a noun ("young", "freckled") stand where they speak of the person: between marks or behind the noun."""
    if any(not classes & (BARE | FUNCTION) for _, _, classes in words):
        return True
    begin, end = span
    first, last = text.tokens[begin], text.tokens[end - 1]
    opens = not first[0].isalnum() or begin == 0 or not text.tokens[begin - 1][0].isalnum()
    closes = not last[0].isalnum() or end == len(text.tokens) or not text.tokens[end][0].isalnum()
    if opens and closes:
        return True
    before = begin - 1
    return before >= 0 and (
        text.is_person(before) or "BE" in classes_of(plain(text.tokens[before]))
    )


def _phrase_at(text: Text, words: Sequence[tuple[int, int, Classes]], stop: int) -> list[str]:
    """The telling words of the phrase in which the grammar stopped."""
    begin = stop
    while begin > 0 and not words[begin - 1][2] & {"PAUSE", "AND"}:
        begin -= 1
    end = stop + 1
    while end < len(words) and not words[end][2] & {"PAUSE", "AND"}:
        end += 1
    phrase = words[begin:end]
    telling = [word for word in phrase if not word[2] & FUNCTION] or phrase
    return [token for b, e, _ in telling for token in text.tokens[b:e]]

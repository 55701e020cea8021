"""Noun phrases of an English sentence by simple grammar: determiner, modifiers, nouns, and where the verb begins.

No parser and no model: a phrase goes on until a mark, a word of another class, or a word that must be the verb.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tpige_kedro.prompts.grammar import people_words as words
from tpige_kedro.prompts.grammar.likeness import is_adjective, likeness
from tpige_kedro.prompts.grammar.word_kinds import is_noun, kinds, singular, verb_of

WORD = re.compile(
    r"(?:(?:Dr|Mr|Mrs|Ms|Mx|Prof|St|Sgt|Capt|Lt|Col|Gen|Rev)\.(?=\s+[A-Z])|[^\W_]+(?:[-'’][^\W_]+)*(?:(?<=s)['’])?)"
)
FIRST_CJK = "\u3000"
MAX_MODIFIERS = 12


class Word(NamedTuple):
    """One word of a prompt: its text, span, and the characters between it and the word before."""

    text: str
    start: int
    end: int
    gap: str

    @property
    def lower(self) -> str:
        """Lower case, straight apostrophes, no final full stop."""
        return self.text.lower().replace("’", "'").rstrip(".")

    @property
    def touches(self) -> bool:
        """Whether only spaces lie before it."""
        return self.gap != "" and self.gap.isspace() and "\n" not in self.gap


class Phrase(NamedTuple):
    """A noun phrase: indices of its first word, of its head, of the first word of the head's own part (behind any owner)."""

    start: int
    head: int
    determiner: str = ""
    modifiers: tuple[str, ...] = ()
    named: bool = False
    contracted: bool = False

    @property
    def end(self) -> int:
        """Index of the word behind the phrase."""
        return self.head + 1


@dataclass(frozen=True)
class Sentence:
    """The words of a prompt and, for each, its lower-case form and whether only spaces lie before it."""

    words: tuple[Word, ...]
    lower: tuple[str, ...]
    touches: tuple[bool, ...]
    capitals: bool  # whether capitals say anything: not where all words have them

    @classmethod
    def of(cls, words_: Sequence[Word]) -> Sentence:
        """The words of one prompt."""
        capitals = sum(word.text[0].isupper() for word in words_)
        return cls(
            tuple(words_),
            tuple(word.lower for word in words_),
            tuple(word.touches for word in words_),
            capitals <= max(3, len(words_) // 2),
        )

    def __len__(self) -> int:
        return len(self.words)

    def follows(self, index: int) -> str:
        """The word at ``index`` if only spaces lie before it, else the empty string."""
        return self.lower[index] if index < len(self.lower) and self.touches[index] else ""

    def opens(self, index: int) -> bool:
        """Whether a sentence begins at the word, so that its capital says nothing."""
        return index == 0 or any(mark in self.words[index].gap for mark in '.!?:\n"“(')

    def is_name(self, index: int) -> bool:
        """Whether the word is capitalised where no sentence begins ("Anna", not "CEO")."""
        text = self.words[index].text
        return self.capitals and text[0].isupper() and len(text) > 1 and not text.isupper()


def phrase_at(s: Sentence, first: int) -> Phrase | None:  # noqa: PLR0912 one rule a branch
    """The noun phrase that begins with the word at ``first``, or None."""
    determiner = s.lower[first] if s.lower[first] in words.DETERMINERS else ""
    index = first + 1 if determiner else first
    head: int | None = None
    fallback: int | None = None  # an adjective that is the head if no noun comes: "the elderly"
    modifiers: list[str] = []
    owned = named = False
    while index < len(s) and index - first < MAX_MODIFIERS:
        word = s.lower[index]
        if index > first and not s.touches[index]:
            if head is not None or not modifiers or not _goes_on_after_comma(s, index):
                break
            fallback = fallback or index - 1
        if (
            head is None
            and modifiers
            and word in {"and", "but", "yet"}
            and _describes(s.follows(index + 1))
        ):
            fallback = fallback or index - 1
            index += 1
            continue
        if head is None and determiner and word in words.DEGREES:
            index += 1
            continue
        if _breaks(s, index):
            break
        if word.endswith(("'s", "s'")):
            if _is_contraction(s, index):
                return Phrase(first, index, determiner, tuple(modifiers), contracted=True)
            head, fallback, owned, modifiers = None, None, True, []
        elif head is not None:
            if _ends(s, head, index):
                break
            named = named or s.is_name(index)
            head = index
        elif _describes(word) and not (s.is_name(index) and index > first and not kinds(word)):
            modifiers.append(word)
        elif modifiers and _must_be_verb(s, index, determiner if not owned else "", fallback):
            break
        else:
            head = index
            named = s.is_name(index) and not s.opens(index)
        index += 1
    if head is None:
        head = fallback if fallback is not None else index - 1
        if not modifiers or s.lower[head].endswith("ly") or head < first:
            return None
    return Phrase(first, head, determiner, tuple(modifiers), named)


def _must_be_verb(s: Sentence, index: int, determiner: str, fallback: int | None) -> bool:
    """Behind adjectives alone: "the accused looks at", "a blonde waves", "the vagabond tips his hat"."""
    word, following = s.lower[index], s.follows(index + 1)
    if fallback is not None and determiner in words.SINGULAR_DETERMINERS and singular(word) != word:
        return True
    if not word.endswith("s") or not verb_of(word) or _noun_likeness(following) >= 2:
        return False
    return (
        determiner in words.SINGULAR_DETERMINERS
        or verb_of(word) == s.lower[index - 1]
        or fallback is not None
        or following in words.DETERMINERS
    )


def _breaks(s: Sentence, index: int) -> bool:
    word = s.lower[index]
    if word in words.BREAKS or word > FIRST_CJK:
        return True
    if word in words.DETERMINERS:
        return True
    if word == "being" and index and s.lower[index - 1] == "human":
        return False
    return word in words.VERB_FORMS and word not in words.PAST_NOUNS


def _goes_on_after_comma(s: Sentence, index: int) -> bool:
    word = s.lower[index]
    return (
        s.words[index].gap.strip() == ","
        and "\n" not in s.words[index].gap
        and word not in words.STARTS_NO_NOUN
        and _describes(word)
        and _describes(s.lower[index - 1])
    )


def _describes(word: str) -> bool:
    return (
        word != ""
        and word not in words.EITHER
        and (
            is_adjective(word)
            or word in {"very", "only"}
            or (word.endswith("ly") and not is_noun(word))
        )
    )


def _is_contraction(s: Sentence, index: int) -> bool:
    """ "The chef's cooking", not "the chef's knife": a participle, determiner or preposition follows."""
    following = s.follows(index + 1)
    behind = s.follows(index + 2)
    if s.lower[index].removesuffix("'s") in words.INDEFINITE and verb_of(following):
        return following.endswith("ing")
    return (
        s.lower[index].endswith("'s")
        and following.endswith("ing")
        and bool(verb_of(following))
        and (not behind or behind in words.BREAKS or behind in words.DETERMINERS)
        and not is_noun(following)
    ) or (
        s.lower[index].endswith("'s")
        and (following in words.DETERMINERS or following in {"been", "not"})
    )


def _ends(s: Sentence, head: int, index: int) -> bool:  # noqa: PLR0911 one rule a line
    """Whether the noun phrase whose last noun is at ``head`` ends there because the word at ``index`` is no noun of it."""
    word, noun = s.lower[index], s.lower[head]
    if s.is_name(index) or (noun == "human" and word == "being"):
        return False
    if noun in words.INDEFINITE:
        return True
    if word in words.ADVERBS or word.startswith("mid-") or kinds(word) == "d":
        return True
    if word in words.NAMING or (word.endswith("ly") and not is_noun(word)):
        return True
    is_name = s.is_name(head) and (
        not s.opens(head) or noun in words.PLAIN_NAMES | words.GIVEN_NAMES
    )
    like = max(likeness(singular(noun)), 1 if is_name else -9)
    if word in words.PAST_NOUNS:
        return like >= 1
    behind = _noun_likeness(s.follows(index + 1))
    person_behind = behind >= 2
    verb = verb_of(word)
    plural = not is_name and singular(noun) != noun
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        if like >= 1:
            return True
        return bool(verb) and not plural and not person_behind
    if word.endswith("ing") and verb:
        return like >= 2 or behind < (2 if like > 0 else 0)
    if word.endswith("ed") and verb:
        return like >= 1 or not person_behind
    if plural and "v" in kinds(word) and (like >= 1 or likeness(word) < 2):
        return like >= 1 or not person_behind
    if (
        head > 0
        and "v" in kinds(word)
        and like >= 1
        and _is_watched(s, head)
        and likeness(word) < 3
    ):
        return True
    return "a" in kinds(word) and not is_noun(word) and like >= 1 and not person_behind


def _noun_likeness(word: str) -> int:
    """The likeness of a word that may be a noun."""
    return (
        -9
        if not word or word in words.NO_NOUNS or kinds(word) == "d" or word.endswith("ly")
        else likeness(word)
    )


def _is_watched(s: Sentence, head: int) -> bool:
    return any(word in words.PERCEPTION for word in s.lower[max(0, head - 4) : head])

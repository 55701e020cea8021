"""What a single word looks like before any grammar: like a person, or like an adjective."""

from __future__ import annotations

from functools import lru_cache

from tpige_kedro.prompts.grammar import people_words as words
from tpige_kedro.prompts.grammar.word_kinds import is_noun, kinds, verb_of


@lru_cache(maxsize=20_000)
def likeness(word: str) -> int:  # noqa: PLR0911 one rule a line
    """How much a lower-case singular noun by itself looks like a person: from -6 (an animal) to 4.

    >>> (
    ...     likeness("woman"),
    ...     likeness("welder"),
    ...     likeness("mahout"),
    ...     likeness("printer"),
    ...     likeness("mirror"),
    ...     likeness("horse"),
    ... )
    (4, 3, 1, -1, -2, -6)
    """
    if word.endswith(("-year-old", "-something")):
        return 4
    word = main_part(word)
    found = kinds(word)
    if word in words.GENERAL:
        return 4
    if word in words.NOT_PEOPLE or word in words.PICTURES:
        return -4
    if word in words.EITHER:
        return 0
    if word in words.DEVICES or "r" in found:
        return -1
    if "b" in found:
        return -6
    if "t" in found or not word.replace("'", "").isalpha():
        return -2
    if word.endswith(words.ENDINGS) and len(word) > 5 and not verb_of(word):
        return 4
    if "m" in found:
        return 0
    if word.endswith(words.ABSTRACT_ENDINGS) and not word.endswith(("ling", "witness")):
        return -2
    if word.endswith(words.AGENT_ENDINGS) and len(word) > 4:
        return 3
    if any(word.endswith(general) for general in words.GENERAL if len(general) > 3):
        return 4
    return 1 if ("n" in found or found in ("", "v")) and not is_compound_of_thing(word) else 0


def is_compound_of_thing(word: str) -> bool:
    """ "streetlamp": a known word and a known thing."""
    return any("t" in kinds(word[cut:]) and kinds(word[:cut]) for cut in range(3, len(word) - 3))


def main_part(word: str) -> str:
    """The noun in a word with hyphens: "aunt" in "great-aunt", "mother" in "mother-in-law", "passer" in "passer-by"."""
    first, hyphen, rest = word.partition("-")
    if not hyphen:
        return word
    if rest.startswith(("in-", "to-", "at-")) or rest in {"by", "up", "on", "off", "out"}:
        return first
    return word.rpartition("-")[2]


@lru_cache(maxsize=20_000)
def is_adjective(word: str) -> bool:
    """Whether a lower-case word in front of a noun describes it: "old", "grey-haired", "dozing", "1950s", "taller"."""
    found = kinds(word)
    if word in words.GENERAL or word in words.EITHER:
        return False
    if "a" in found or word in words.ADJECTIVES or word[0].isdigit() or word in words.NUMBERS:
        return True
    if is_noun(word):
        return False
    if "-" in word:
        last = word.rpartition("-")[2]
        return word.endswith(words.ADJECTIVE_ENDINGS) or is_adjective(last) or likeness(word) < 1
    if word.endswith(("ed", "ing")):
        return bool(verb_of(word)) and likeness(word) < 4
    return any(
        "a" in kinds(stem)
        for ending in ("er", "est")
        if word.endswith(ending)
        for stem in _base_forms(word.removesuffix(ending))
    )


def _base_forms(stem: str) -> tuple[str, ...]:
    """The adjectives of which "tall-", "wis-", "bigg-" or "happi-" may be the stem."""
    if stem.endswith("i"):
        return (stem[:-1] + "y",)
    return (stem, stem + "e", stem[:-1]) if stem[-2:-1] == stem[-1:] else (stem, stem + "e")

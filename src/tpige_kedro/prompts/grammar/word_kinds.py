"""What kind of word a word is, by a table made from WordNet: names a thing or an animal, describes, does.

Source: WordNet 3.0, copyright 2006 by Princeton University (https://wordnet.princeton.edu/license-and-commercial-use; the licence
stands in full in ``word_kinds_license.txt``). ``benchmarks/words/word_kinds.py`` writes the table. It names no people: who is a person, the
rules of :mod:`.people` find by grammar.
"""

from __future__ import annotations

import csv
import gzip
from functools import cache, lru_cache
from pathlib import Path

TABLE = Path(__file__).with_name("word_kinds.csv.gz")
ENDINGS = (("ies", "y"), ("ves", "f"), ("men", "man"), ("es", ""), ("s", ""))
SINGULAR_S = ("ss", "us", "is")


@cache
def _table() -> dict[str, str]:
    with gzip.open(TABLE, "rt", newline="", encoding="utf-8") as file:
        return dict(csv.reader(file))


def kinds(word: str) -> str:
    """The letters of a lower-case word: animal ``b``, thing ``t``, thing and seldom a person ``r``, person or thing ``m``, adjective ``a`` (a noun too: ``n``),
    adverb ``d``, verb ``v``, name of a place ``p``."""
    return _table().get(word, "")


@lru_cache(maxsize=20_000)
def singular(word: str) -> str:
    """The singular of a plural noun, else the word itself.

    >>> singular("welders"), singular("wolves"), singular("glass")
    ('welder', 'wolf', 'glass')
    """
    if word.endswith(SINGULAR_S) or len(word) < 4:
        return word
    for ending, instead in ENDINGS:
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and (ending == "s" or is_noun(stem) or _is_men(word)):
            return stem
    return word


def _is_men(word: str) -> bool:
    return word in {"men", "women"} or (word.endswith("men") and len(word) > 5 and not kinds(word))


@lru_cache(maxsize=20_000)
def is_noun(word: str) -> bool:
    """Whether the table has the word as a noun, of whatever kind."""
    return any(letter in "btmr" for letter in kinds(word))


@lru_cache(maxsize=20_000)
def verb_of(word: str) -> str:
    """The verb of which ``word`` is a form on -s, -ed or -ing, else the empty string.

    >>> verb_of("tries"), verb_of("dancing"), verb_of("clipped"), verb_of("news")
    ('try', 'dance', 'clip', '')
    """
    for ending in ("s", "ed", "ing"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1 and not word.endswith("ss"):
            return next((s for s in _verbs_of(stem, ending) if "v" in kinds(s)), "")
    return ""


def _verbs_of(stem: str, ending: str) -> list[str]:
    """ "danc-ing", "tri-es", "clipp-ed": what the verb may be."""
    if ending == "s":
        return [stem[:-2] + "y", stem] if stem.endswith("ie") else [stem, stem.removesuffix("e")]
    if stem.endswith("i"):
        return [stem[:-1] + "y"]
    doubled = [stem[:-1]] if len(stem) > 2 and stem[-1] == stem[-2] else []
    return [stem, stem + "e", *doubled]

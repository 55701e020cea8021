"""The words of faces, by class: read once from ``words/*.txt``, with the words that can be made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tpige_kedro.prompts.facial.automaton import Automaton
from tpige_kedro.prompts.facial.compounds import FEATURED, Classes, classes_of_compound

FOLDER = Path(__file__).parent
SECTION = re.compile(r"^([A-Z_]+):(.*(?:\n[ \t]+.*)*)", re.MULTILINE)
HYPHENS = str.maketrans(dict.fromkeys("‐‑‒−﹣－", "-") | {"’": "'", "ʼ": "'", "‘": "'", "`": "'"})
LAST_PARTS = FEATURED | {"shaped", "length", "set", "shaven", "aged", "coloured", "colored", "cropped", "toned", "looking", "lidded", "defined", "parted", "swept", "spaced", "trimmed", "rimmed", "dyed", "kissed", "beaten", "old"}  # fmt: skip
JOINING = {"length": "LENGTH", "shaped": "SHAPED"}
NOT_NOUNS = frozenset({"afghan", "persian"})  # a dog and a rug
NONE: Classes = frozenset()


@lru_cache(maxsize=1)
def lexicon() -> dict[str, Classes]:
    """Word or expression (its words joined by "_") → classes."""
    found: dict[str, set[str]] = {}
    for file in sorted((FOLDER / "words").glob("*.txt")):
        for name, body in SECTION.findall(file.read_text(encoding="utf-8")):
            for word in body.split():
                found.setdefault(word, set()).add(name)
    for word, classes in found.items():
        if "PEOPLE" in classes and word.endswith(("an", "i")) and word not in NOT_NOUNS:
            classes.add("NATIONAL")
    return {word: frozenset(classes) for word, classes in found.items()}


@lru_cache(maxsize=1)
def phrases() -> Automaton:
    """The grammar of what may be added."""
    return Automaton((FOLDER / "grammar.txt").read_text(encoding="utf-8"), "addition")


@lru_cache(maxsize=1)
def _expressions() -> dict[str, tuple[tuple[str, ...], ...]]:
    """First word → the expressions of several words that begin with it, longest first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for word in lexicon():
        if "_" in word:
            parts = tuple(word.split("_"))
            found.setdefault(parts[0], []).append(parts)
    return {
        first: tuple(sorted(several, key=len, reverse=True)) for first, several in found.items()
    }


@lru_cache(maxsize=20_000)
def classes_of(word: str) -> Classes:
    """The classes of a lower-case word or expression; empty if it is not known to speak of faces.

    >>> sorted(classes_of("almond-shaped")), sorted(classes_of("satchel"))
    (['ADJ'], [])
    """
    known = lexicon()
    found = known.get(word) or known.get(word.replace("-", "_"), NONE)
    if not found and word.endswith("'s") and "PERSON" in known.get(word[:-2], NONE):
        return frozenset({"OWN"})
    if not found or "-" in word:
        found = found | classes_of_compound(word, lambda part: known.get(part, NONE))
    return found | {word} if word in phrases().labels else found


def plain(token: str) -> str:
    """Lower case, with one kind of hyphen and apostrophe."""
    return token.lower().translate(HYPHENS)


def is_known(token: str) -> bool:
    """Whether the lexicon knows the word, as written in a text."""
    return bool(classes_of(plain(token)))


def grouped(tokens: Sequence[str]) -> tuple[tuple[int, int, Classes], ...]:
    """Tokens grouped into words and known expressions: where each begins and ends, and its classes.

    "round faced" is read as "round-faced", "twenty five" stays two words.

    >>> [(begin, end) for begin, end, _ in grouped(["a", "widow's", "peak"])]
    [(0, 1), (1, 3)]
    """
    return _grouped(tuple(map(plain, tokens)))


@lru_cache(maxsize=5_000)
def _grouped(words: tuple[str, ...]) -> tuple[tuple[int, int, Classes], ...]:
    groups = []
    index = 0
    while index < len(words):
        size, classes = _at(words, index)
        groups.append((index, index + size, classes))
        index += size
    return tuple(groups)


def _at(words: Sequence[str], index: int) -> tuple[int, Classes]:
    for parts in _expressions().get(words[index], ()):
        if tuple(words[index : index + len(parts)]) == parts:
            return len(parts), classes_of("_".join(parts))
    for size in (3, 2):
        said = words[index : index + size]
        if (
            len(said) == size
            and said[-1] in LAST_PARTS
            and (size == 2 or said[1] in {"year", "years"})
        ):
            if size == 2 and not _may_join(classes_of(said[0]), said[-1]):
                continue
            if (classes := classes_of("-".join(said))) and (size == 3 or said[-1] != "old"):
                return size, classes
    return 1, classes_of(words[index])


def _may_join(first: Classes, last: str) -> bool:
    """Whether "chin length" or "heart shaped" is one word; "face shaped", "hair parted" and "two braided" are not."""
    if last in JOINING:
        return JOINING[last] in first
    return not first & {"FEATURE", "NUMBER"}

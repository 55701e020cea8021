"""Checks on an enhanced prompt: are the original's words all there, and is what was added a face and nothing else?

Source: the instruction of paper section 3.2 (verbatim, facial attributes only, one natural sentence). Each check is a pure
function; :func:`failed_checks` runs them all.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from tpige_kedro.prompts import vocabulary as words

TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*|\S")
SENTENCE_ENDS = frozenset(".!?。！？\n")

CheckName = Literal[
    "verbatim", "facial_only", "action", "expression", "sentences", "length",  # any enhanced prompt
    "nothing", "gender", "hair_colour", "age", "person", "answer",  # one that a model wrote
    "occluder", "third_person", "meta", "added", "subject",  # a reference prompt
]  # fmt: skip


@dataclass(frozen=True)
class CheckFailure:
    """Which check failed and on what."""

    check: CheckName
    detail: str

    def __str__(self) -> str:
        return f"{self.check}: {self.detail}"


def tokens(text: str) -> list[str]:
    """Words (with their inner hyphens and apostrophes) and single marks, in order; white space separates only."""
    return TOKEN.findall(text)


def is_verbatim(original: str, enhanced: str) -> bool:
    """Whether every word, capital and mark of ``original`` survives in ``enhanced``, in order (a subsequence of its tokens)."""
    remaining = iter(tokens(enhanced))
    return all(token in remaining for token in tokens(original))


def added_tokens(original: str, enhanced: str) -> list[str]:
    """The tokens that ``enhanced`` has more than ``original``, in the order of ``enhanced``."""
    budget = Counter(tokens(original))
    added = []
    for token in tokens(enhanced):
        if budget[token]:
            budget[token] -= 1
        else:
            added.append(token)
    return added


def is_word(token: str) -> bool:
    """Whether a token is a word or number rather than a mark."""
    return token[0].isalnum()


def non_facial_words(original: str, enhanced: str) -> list[str]:
    """Added words that speak of clothing, accessories or surroundings. Glasses are part of a face, sunglasses are not."""
    return [t for t in added_tokens(original, enhanced) if _names_one_of(t.lower())]


def _names_one_of(word: str) -> bool:
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    return bool(forms & (words.NOT_FACIAL | words.SCENE))


def _does_something(word: str) -> bool:
    return (
        word.endswith("ing")
        and len(word) > 4
        and word not in words.FACIAL_ING | words.EXPRESSIONS | words.NOT_FACIAL
    )


def failed_checks(original: str, enhanced: str, max_added_words: int = 40) -> list[CheckFailure]:
    """The checks that ``enhanced`` fails, empty if it may be used.

    ``verbatim``: :func:`is_verbatim`; ``facial_only``: :func:`non_facial_words`; ``action`` and ``expression``: nothing that
    somebody does or that passes was added; ``meta``: no talk about the task; ``sentences``: no sentence was added; ``length``: at
    most ``max_added_words`` words were added.
    """
    added = added_tokens(original, enhanced)
    lower = [token.lower() for token in added]
    failures = []
    if not is_verbatim(original, enhanced):
        failures.append(
            CheckFailure("verbatim", "a word, capital or mark of the prompt was lost or moved")
        )
    if strange := non_facial_words(original, enhanced):
        failures.append(CheckFailure("facial_only", f"added {', '.join(strange)}"))
    suspects: tuple[tuple[CheckName, list[str]], ...] = (
        ("action", [word for word in lower if _does_something(word)]),
        ("expression", [word for word in lower if word in words.EXPRESSIONS]),
        ("meta", [word for word in lower if word in words.CHATTER]),
    )
    failures += [CheckFailure(name, f"added {', '.join(said)}") for name, said in suspects if said]
    if ends := [token for token in added if token in SENTENCE_ENDS]:
        failures.append(CheckFailure("sentences", f"added {len(ends)} sentence mark(s)"))
    count = sum(is_word(token) for token in added)
    if count > max_added_words:
        failures.append(
            CheckFailure("length", f"added {count} words, at most {max_added_words} are allowed")
        )
    return failures

"""Checks on an enhanced prompt: are all the original's words there, and does the addition describe a face and nothing else?

Source: the instruction of paper section 3.2 (verbatim, facial attributes only, one natural sentence). Each check is a pure
function; :func:`failed_checks` runs them all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tpige_kedro.prompts import vocabulary as words
from tpige_kedro.prompts.facial.additions import refused_words
from tpige_kedro.prompts.facial.lexicon import is_known
from tpige_kedro.prompts.subject import find_subject

TOKEN = re.compile(r"[^\W_]+(?:[-‐‑'’ʼ][^\W_]+)*|\S")
SENTENCE_ENDS = frozenset(".!?。！？\n")

CheckName = Literal[
    "verbatim", "facial_only", "action", "expression", "sentences", "length",  # any enhanced prompt
    "nothing", "gender", "hair_colour", "age", "person", "answer",  # one that a model wrote
    "occluder", "third_person", "meta", "added", "subject",  # a reference prompt
]  # fmt: skip
KINDS: tuple[CheckName, ...] = ("facial_only", "action", "expression", "meta")


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
    """Added words that are not known to speak of a face, or not in this company; see :mod:`.facial.additions`.

    What is added must be words of the facial lexicon in a phrase about a face. Glasses are part of a face, sunglasses are not.

    >>> non_facial_words(
    ...     "A man walks.", "A man, an old man with a grey beard and a satchel, walks."
    ... )
    ['satchel']
    """
    said, wanted = tokens(enhanced), tokens(original)
    if not refused_words(wanted, said):
        return []
    return refused_words(
        wanted, said, _person_in(original)
    )  # its name for the person may be repeated


@lru_cache(maxsize=10_000)
def _person_in(prompt: str) -> tuple[str, ...]:
    """The words by which a prompt names its person, without article."""
    subject = find_subject(prompt)
    named = tokens(prompt[subject.start : subject.end]) if subject else []
    while named and named[0].lower() in words.DETERMINERS:
        named = named[1:]
    return tuple(named)


def not_facial(refused: Sequence[str]) -> str:
    """Explains refused words, in one way for models and people.

    >>> not_facial(["satchel"])
    "'satchel' is not about the face"
    >>> not_facial(["golden", "bridge"])
    "'golden', 'bridge' do not describe a face in these words"
    """
    strange = list(dict.fromkeys(word for word in refused if not is_known(word)))
    known = list(dict.fromkeys(word for word in refused if is_known(word)))
    told = []
    if strange:
        told.append(f"{_named(strange)} {'is' if len(strange) == 1 else 'are'} not about the face")
    if known:
        verb = "does" if len(known) == 1 else "do"
        told.append(f"{_named(known)} {verb} not describe a face in these words")
    return "; ".join(told)


def _named(said: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in said)


def _kind_of(word: str) -> CheckName:
    """Under which check a refused word is reported."""
    if word in words.EXPRESSIONS:
        return "expression"
    if word in words.CHATTER:
        return "meta"
    acts = word.endswith("ing") and len(word) > 4 and word not in words.NOT_FACIAL
    return "action" if acts else "facial_only"


def failed_checks(original: str, enhanced: str, max_added_words: int = 40) -> list[CheckFailure]:
    """The checks that ``enhanced`` fails, empty if it may be used.

    ``verbatim``: :func:`is_verbatim`; ``facial_only``: :func:`non_facial_words`; ``action`` and ``expression``: nothing that
    somebody does or that passes was added; ``meta``: no talk about the task; ``sentences``: no sentence was added; ``length``: at
    most ``max_added_words`` words were added.
    """
    added = added_tokens(original, enhanced)
    failures = []
    if is_verbatim(original, enhanced):
        refused = non_facial_words(original, enhanced)
    else:  # what was added is not known then: only the plainest words are reported
        failures.append(
            CheckFailure("verbatim", "a word, capital or mark of the prompt was lost or moved")
        )
        refused = [t for t in added if _kind_of(t.lower()) != "facial_only" and not is_known(t)]
    kinds = {kind: [t for t in refused if _kind_of(t.lower()) == kind] for kind in KINDS}
    if strange := kinds.pop("facial_only"):
        failures.append(CheckFailure("facial_only", not_facial(strange)))
    failures += [
        CheckFailure(kind, f"added {', '.join(said)}") for kind, said in kinds.items() if said
    ]
    if ends := [token for token in added if token in SENTENCE_ENDS]:
        failures.append(CheckFailure("sentences", f"added {len(ends)} sentence mark(s)"))
    count = sum(is_word(token) for token in added)
    if count > max_added_words:
        failures.append(
            CheckFailure("length", f"added {count} words, at most {max_added_words} are allowed")
        )
    return failures

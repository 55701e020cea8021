"""The facial clause: composed from what was read in a face, inserted into a prompt without touching its words.

Source: paper section 3.2 (insert a short clause of facial attributes, keep the caption verbatim). The paper lets a language
model write the result; here the text is deterministic, so that one person is described alike in every prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.subject import FRONTED, find_subject

FINAL_MARKS = re.compile(r"[\s.!?…。！？]*$")
CONTINUES = re.compile(r"\s+[\w\"'“‘«「(\[]|\s*\n\s*\w")
SOUNDS_LIKE_CONSONANT = re.compile(r"(?:uni|use|usu|euro|ewe|one\b|once\b)", re.IGNORECASE)
SOUNDS_LIKE_VOWEL = re.compile(r"(?:[aeiou]|hour|hono|heir|8|11\b|18\b)", re.IGNORECASE)
VERSION = 2  # raise it when the same input gives another text: tests/makers holds the present ones


def compose_clause(attributes: FaceAttributes, minimum_confidence: float = 0.0) -> str:
    """One noun phrase of facial attributes: "an elderly pale-skinned man with red hair in a bun and blue eyes".

    Attributes below ``minimum_confidence`` (in [0, 1]) are left out; "person" stands in for an unknown gender.
    Nothing seen gives the empty string.
    """
    age, skin, gender = (
        _wording(a, minimum_confidence)
        for a in (attributes.age, attributes.skin, attributes.gender)
    )
    listed = (attributes.hair, attributes.eyes, attributes.facial_hair, *attributes.traits)
    features = list(
        dict.fromkeys(text for a in listed if (text := _wording(a, minimum_confidence)))
    )
    if not (age or skin or gender or features):
        return ""
    person = with_article(" ".join(word for word in (age, skin, gender or "person") if word))
    return f"{person} with {_enumerate(features)}" if features else person


def insert_clause(prompt: str, clause: str) -> str:
    """``prompt`` with ``clause`` set between commas right behind its subject; every original character stays, in order.

    "A video of an astronaut waving a hand." becomes "A video of an astronaut, <clause>, waving a hand."
    The closing comma is left out where the prompt goes on with a mark or ends. A group gets ", one of them <clause>,".
    A pronoun as subject gets the clause in front of its sentence: "<Clause>: She waves." Behind a colon: "Close-up: <clause> — she waves."
    A prompt without a subject (see :mod:`.subject`) gets ", featuring <clause>" before its final marks.
    An empty clause changes nothing.

    >>> insert_clause("The president's bodyguard scans the crowd.", "a bald man")
    "The president's bodyguard, a bald man, scans the crowd."
    >>> insert_clause("She waves.", "a woman with red hair")
    'A woman with red hair: She waves.'
    """
    clause = clause.strip()
    if not clause:
        return prompt
    subject = find_subject(prompt)
    if subject is None:
        return _append(prompt, clause)
    head, tail = prompt[: subject.clause_at], prompt[subject.clause_at :]
    if subject.kind in FRONTED:
        if head.rstrip().endswith(":"):
            return f"{head}{clause} — {tail}"
        return f"{head}{clause[:1].upper()}{clause[1:]}: {tail}"
    opening = ", one of them " if subject.plural else ", "
    closing = "," if CONTINUES.match(tail) else ""
    return f"{head}{opening}{clause}{closing}{tail}"


def with_article(phrase: str) -> str:
    """``phrase`` behind "a" or "an", by the sound of its first word: "an elderly man", "a European man", "an 18-year-old"."""
    if SOUNDS_LIKE_VOWEL.match(phrase) and not SOUNDS_LIKE_CONSONANT.match(phrase):
        return f"an {phrase}"
    return f"a {phrase}"


def _wording(attribute: Attribute | None, minimum_confidence: float) -> str:
    if attribute is None or attribute.confidence < minimum_confidence:
        return ""
    return " ".join(attribute.text.split())


def _enumerate(items: Sequence[str]) -> str:
    return " and ".join(_non_empty(", ".join(items[:-1]), items[-1]))


def _non_empty(*parts: str) -> Iterator[str]:
    return (part for part in parts if part)


def _append(prompt: str, clause: str) -> str:
    end = FINAL_MARKS.search(prompt)
    body = end.start() if end else len(prompt)
    opening = ", featuring " if prompt[:body].strip() else "Featuring "
    return f"{prompt[:body]}{opening}{clause}{prompt[body:]}"

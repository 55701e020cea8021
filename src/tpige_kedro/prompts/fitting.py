"""Whether the wording of an attribute fits its place in the clause: words about a face, as a phrase that reads there."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.checks import CheckFailure, failed_checks, tokens
from tpige_kedro.prompts.facial.additions import FUNCTION
from tpige_kedro.prompts.facial.lexicon import grouped

PLACES = {"age": "a {} person", "skin": "a {} person", "gender": "a {}"}
ELSEWHERE = "a person with {}"
MAX_WORDS = 100
SINGLE = ("age", "skin", "gender", "hair", "eyes", "facial_hair")


@lru_cache(maxsize=10_000)
def wording_failures(name: str, text: str) -> tuple[CheckFailure, ...]:
    """What is wrong with ``text`` as the attribute ``name`` (a field of :class:`.FaceAttributes`); empty if it may be used.

    >>> wording_failures("skin", "olive-skinned")
    ()
    >>> [str(failure) for failure in wording_failures("traits", "a straw hat")]
    ["facial_only: 'hat' is not about the face"]
    """
    if all(classes & FUNCTION for _, _, classes in grouped(tokens(text))):
        return (CheckFailure("facial_only", f"{text!r} says nothing about a face"),)
    place = PLACES.get(name, ELSEWHERE)
    phrase = place.format(text.strip())
    around = " ".join(place.format("").split())
    added = failed_checks(around, phrase, MAX_WORDS)  # names the words of ``text`` alone
    return tuple(added or failed_checks("", phrase, MAX_WORDS))


def fit_attributes(attributes: FaceAttributes) -> tuple[FaceAttributes, list[str]]:
    """``attributes`` without those whose wording does not fit, and a note for each that was left out.

    The clause of what is left passes the check of additions.
    """
    notes: list[str] = []

    def fits(name: str, attribute: Attribute | None) -> bool:
        failures = (
            wording_failures(name, attribute.text) if attribute and attribute.text.strip() else ()
        )
        notes.extend(f"{name} left out ({failure.detail})" for failure in failures[:1])
        return not failures

    unfit = [name for name in SINGLE if not fits(name, getattr(attributes, name))]
    traits = tuple(trait for trait in attributes.traits if fits("traits", trait))
    fitted = replace(attributes, traits=traits, **dict.fromkeys(unfit))
    return fitted, notes

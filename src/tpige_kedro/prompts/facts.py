"""What a text says of a face in a few comparable facts, and whether two texts can be about the same person."""

from __future__ import annotations

import re

from tpige_kedro.prompts import vocabulary as words
from tpige_kedro.prompts.ages import AGES
from tpige_kedro.prompts.checks import tokens
from tpige_kedro.prompts.conflicts import genders, hair_colours

FACIAL_HAIR = {
    "beard": "beard", "bearded": "beard", "goatee": "beard", "stubble": "beard", "mustache": "mustache",
    "moustache": "mustache", "clean-shaven": "none",
}  # fmt: skip
EYES = re.compile(
    r"\b(black|brown|blue|green|gray|grey|hazel|amber|dark)(?:[ -]eyed|(?:,? [a-z]+)? eyes)\b"
)

Facts = dict[str, set[str]]


def facial_facts(text: str) -> Facts:
    """Gender, hair colour, eye colour, facial hair and age group, if ``text`` mentions them."""
    said = {token.lower() for token in tokens(text)}
    facts = {
        "gender": genders(text),
        "hair colour": hair_colours(text),
        "eye colour": {words.SAME_COLOUR.get(c, c) for c in EYES.findall(text.lower())},
        "facial hair": {FACIAL_HAIR[word] for word in said & set(FACIAL_HAIR)},
        "age": {str(group) for group, names in enumerate(AGES) if said & names},
    }
    return {name: found for name, found in facts.items() if found}


def contradictions(text: str, other: str) -> list[str]:
    """What ``text`` and ``other`` say differently of one face; facts that only one of them gives contradict nothing."""
    ours, theirs = facial_facts(text), facial_facts(other)
    return [
        name
        for name in ours.keys() & theirs.keys()
        if not (_near(ours[name], theirs[name]) if name == "age" else ours[name] & theirs[name])
    ]


def _near(ours: set[str], theirs: set[str]) -> bool:
    return any(abs(int(a) - int(b)) <= 1 for a in ours for b in theirs)

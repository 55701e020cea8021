"""How a clip or a portrait is described, with and without the facial clause.

"A video of an astronaut, an elderly pale-skinned man with red hair in a bun, waving a hand in outer space." The clause is
composed and placed by the very functions that prompt enhancement uses, so the generator learns the language it will hear.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.clause import compose_clause, insert_clause, with_article


def attributes_of(person: Mapping[str, Any]) -> FaceAttributes:
    """What can be said of one person's face; ``person`` holds single numbers by parameter name."""
    colour = tuple(words.HAIR_COLOURS)[int(person["hair_colour"])]
    traits = [words.GLASSES[int(person["glasses"])]]
    if person["freckles"]:
        traits.insert(0, "freckles")
    facial_hair = words.FACIAL_HAIR[int(person["facial_hair"])]
    return FaceAttributes(
        age=Attribute(words.AGES[int(person["age"])]),
        skin=Attribute(f"{skin_name(float(person['skin']))}-skinned"),
        gender=Attribute(words.GENDERS[int(person["gender"])]),
        hair=Attribute(words.HAIR_STYLES[int(person["hair_style"])].format(colour=colour)),
        eyes=Attribute(f"{tuple(words.EYE_COLOURS)[int(person['eye_colour'])]} eyes"),
        facial_hair=Attribute(facial_hair) if facial_hair else None,
        traits=tuple(Attribute(trait) for trait in traits if trait),
    )


def skin_name(tone: float) -> str:
    """The name of the nearest anchor of the skin scale."""
    return tuple(words.SKINS)[int(tone + 0.5)]


def thin_out(attributes: FaceAttributes, keep: float, rng: random.Random) -> FaceAttributes:
    """Keep each attribute with probability ``keep``; the gender always stays, it carries the clause."""
    dropped: dict[str, Any] = {
        name: None
        for name in ("age", "skin", "hair", "eyes", "facial_hair")
        if rng.random() >= keep
    }
    traits = tuple(trait for trait in attributes.traits if rng.random() < keep)
    return replace(attributes, traits=traits, **dropped)


def caption(
    role: int,
    setting: int,
    action: int | None = None,
    attributes: FaceAttributes | None = None,
    rng: random.Random | None = None,
) -> str:
    """The caption of a clip, or of a still portrait when there is no action; a studio setting stays unsaid."""
    subject = with_article(words.ROLE_NAMES[role])
    place = f" {words.SETTING_TEXTS[setting]}" if setting != words.STUDIO else ""
    if action is None:
        text = f"A portrait photo of {subject}{place}."
    else:
        wordings: Sequence[str] = words.ACTION_TEXTS[action]
        text = f"A video of {subject} {rng.choice(wordings) if rng else wordings[0]}{place}."
    return insert_clause(text, compose_clause(attributes)) if attributes else text

"""Makers without a model: the facial clause, the reference prompt by rules, strips of frames."""

from __future__ import annotations

import numpy as np
from PIL import Image

from makers.pinning import Pin
from makers.summaries import clip_of, decoded, of_picture, photo
from tpige_kedro.pipelines.reporting import strips
from tpige_kedro.prompts import clause, reference_prompt
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes

FACE = FaceAttributes(
    age=Attribute("elderly", 0.9),
    skin=Attribute("pale-skinned", 0.4),
    gender=Attribute("man", 0.99),
    hair=Attribute("red hair in a bun", 0.8),
    eyes=Attribute("blue eyes", 0.7),
    facial_hair=Attribute("a mustache", 0.55),
    traits=(Attribute("freckles", 0.6), Attribute("round glasses", 0.5)),
)
NOBODY_KNOWN = FaceAttributes(hair=Attribute("grey hair"), traits=(Attribute("grey hair"),))
PROMPTS = (
    "A video of an astronaut waving a hand.",
    "A man in a red jacket, with long red hair, runs!",
    "Two chefs cook; the king watches them.",
    "A firefighter in a mask and a yellow coat walks by",
    "She dances in the rain.",
    "Three dancers spin on a stage.",
    "Rain on a window at night.",
    "",
    "A close-up: the woman who is wearing a blue dress smiles...",
    "一个男人在雨中走路。",
)


def test_clauses(pin: Pin) -> None:
    composed = {
        f"{share:g}": clause.compose_clause(face, share)
        for face in (FACE,)
        for share in (0.0, 0.5, 0.6, 0.75, 1.0)
    }
    composed |= {
        "nobody known": clause.compose_clause(NOBODY_KNOWN),
        "nothing": clause.compose_clause(FaceAttributes()),
        "age alone": clause.compose_clause(FaceAttributes(age=Attribute("18-year-old"))),
    }
    inserted = {prompt: clause.insert_clause(prompt, composed["0.5"]) for prompt in PROMPTS}
    pin(clause, {"composed": {"exact": composed}, "inserted": {"exact": inserted}})


def test_reference_prompts(pin: Pin) -> None:
    said = clause.compose_clause(FACE, 0.5)
    texts = {prompt: reference_prompt.reference_prompt(prompt, said) for prompt in PROMPTS}
    bare = {p: reference_prompt.reference_prompt(p, "", "{role}; {clause}") for p in PROMPTS}
    pin(reference_prompt, {"with a clause": {"exact": texts}, "without": {"exact": bare}})


def test_strips(pin: Pin) -> None:
    frames = [Image.fromarray(frame) for frame in clip_of(1, 2)[::6]]
    tall = [Image.fromarray(photo(person, side=320)) for person in (1, 2, 3)]
    strip = strips.make_strip(frames)
    pin(
        strips,
        {
            "small frames": of_picture(strip),
            "tall frames": of_picture(strips.make_strip(tall)),
            "with gaps": of_picture(strips.side_by_side(frames, gap=5, colour="red")),
            "second frame": of_picture(strips.split_strip(strip, len(frames))[1]),
            "in a page": of_picture(decoded(strips.data_uri(strip, 60))),
        },
    )
    assert np.array_equal(strips.split_strip(strip, len(frames))[1], frames[1])

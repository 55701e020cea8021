"""What a text claims and what a frame shows, as vectors whose product is the share of the claims that are true.

The statements of a caption (role, setting, action, each attribute of the face) have fixed weights; a text's vector holds the
weights of its own statements, scaled to sum 1, a frame's vector holds 1 for everything that it shows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tpige_kedro.mini.judges_training.pools import Frames
from tpige_kedro.mini.networks.attribute_reader import ATTRIBUTES
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.captions import attributes_of, caption, thin_out
from tpige_kedro.mini.world.people import People
from tpige_kedro.prompts.attributes import FaceAttributes

SCENE = {"role": 10, "setting": 7, "action": 6}
VALUES = SCENE | ATTRIBUTES  # statement -> number of values
WEIGHTS = {"role": 3.0, "setting": 3.0, "action": 1.2} | dict.fromkeys(ATTRIBUTES, 0.6)
OFFSETS = dict(
    zip(VALUES, [sum(list(VALUES.values())[:i]) for i in range(len(VALUES))], strict=True)
)
SIZE = sum(VALUES.values())


def facts(rows: Frames) -> Tensor:
    """What frames show, (n, SIZE): a closed helmet shows nothing of the face, a portrait no action."""
    n, device = len(rows), rows.person.device
    shown = torch.zeros(n, SIZE, device=device)
    values = {"role": rows.role, "setting": rows.setting, "action": rows.action}
    values |= {name: rows.people[name][rows.person] for name in ATTRIBUTES}
    values["skin"] = values["skin"] + 0.5
    seen = dict.fromkeys(ATTRIBUTES, rows.face_open) | {"action": ~rows.portrait}
    everywhere = torch.ones_like(rows.face_open)
    for name, value in values.items():
        column = OFFSETS[name] + value.long()
        shown[torch.arange(n, device=device), column] = seen.get(name, everywhere).float()
    return shown


def claimed(
    person: Mapping[str, Any],
    role: int,
    setting: int,
    action: int | None,
    attributes: FaceAttributes | None,
) -> list[float]:
    """The claims of the caption of this scene, (SIZE,), summing to 1."""
    said: dict[str, int] = {"role": role}
    if setting != words.STUDIO:
        said["setting"] = setting
    if action is not None:
        said["action"] = action
    said |= _said_of_face(person, attributes) if attributes else {}
    total = sum(WEIGHTS[name] for name in said)
    vector = [0.0] * SIZE
    for name, value in said.items():
        vector[OFFSETS[name] + value] = WEIGHTS[name] / total
    return vector


def _said_of_face(person: Mapping[str, Any], attributes: FaceAttributes) -> dict[str, int]:
    traits = {trait.text for trait in attributes.traits}
    hair = attributes.hair is not None
    mentioned = {
        "age": attributes.age is not None,
        "skin": attributes.skin is not None,
        "gender": attributes.gender is not None,
        "hair_style": hair,
        "hair_colour": hair and int(person["hair_style"]) != words.BALD,
        "eye_colour": attributes.eyes is not None,
        "facial_hair": attributes.facial_hair is not None,
        "glasses": bool(traits & set(words.GLASSES)),
        "freckles": "freckles" in traits,
    }
    values = {name: int(person[name]) for name in ATTRIBUTES} | {
        "skin": int(float(person["skin"]) + 0.5)
    }
    return {name: values[name] for name, said in mentioned.items() if said}


def person_at(columns: Mapping[str, Sequence[Any]], index: int) -> dict[str, Any]:
    """One person out of :func:`as_columns`."""
    return {name: values[index] for name, values in columns.items()}


def as_columns(people: People) -> dict[str, list[Any]]:
    """People as plain lists."""
    return {name: values.tolist() for name, values in people.items()}


def random_texts(people: People, rng: random.Random) -> tuple[list[str], Tensor]:
    """One caption per person, of a random scene, and its claims (n, SIZE); six of ten have a facial clause."""
    columns = as_columns(people)
    texts: list[str] = []
    rows: list[list[float]] = []
    for index in range(len(columns["age"])):
        person = person_at(columns, index)
        still = rng.random() < 0.15
        setting = words.STUDIO if still and rng.random() < 0.4 else rng.randrange(6)
        role, action = rng.randrange(10), None if still else rng.randrange(6)
        attributes = None
        if rng.random() < 0.6:
            attributes = thin_out(attributes_of(person), rng.choice((1.0, 0.8, 0.6)), rng)
        texts.append(caption(role, setting, action, attributes, rng))
        rows.append(claimed(person, role, setting, action, attributes))
    return texts, torch.tensor(rows)

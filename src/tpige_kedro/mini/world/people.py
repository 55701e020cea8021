"""Who people are: 29 identity parameters, drawn independently for each person.

Text can name only the discrete ones (age, gender, hair, eyes …); the shape of a face can come only from its picture.
Lengths are in head units: 1 is half the height of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tpige_kedro.mini.world.vocabulary import BALD, GENDERS, LONG

People = dict[str, Tensor]  # parameter -> (n,)

RANGES = {  # continuous parameters, uniform in [low, high]
    "skin": (0.0, 3.0),  # along the anchors of SKINS
    "hue": (-1.0, 1.0),
    "face_width": (0.64, 0.86),
    "jaw": (0.0, 1.0),
    "eye_spacing": (0.26, 0.42),
    "eye_size": (0.11, 0.18),
    "eye_aspect": (0.60, 1.00),
    "eye_height": (-0.10, 0.06),
    "brow_thickness": (0.03, 0.085),
    "brow_tilt": (-0.09, 0.09),
    "brow_gap": (0.17, 0.25),
    "nose_length": (0.16, 0.32),
    "nose_width": (0.06, 0.15),
    "mouth_width": (0.16, 0.34),
    "mouth_height": (0.46, 0.56),
    "lip": (0.035, 0.085),
    "hairline": (-0.62, -0.40),
    "hair_volume": (0.04, 0.14),
    "mole_x": (-0.45, 0.45),
    "mole_y": (0.15, 0.40),
}


def sample_people(
    n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu"
) -> People:
    """``n`` people: identity parameters by name, each of shape (n,)."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, device=device, generator=generator) * (high - low) + low

    def integer(count: int) -> Tensor:
        return torch.randint(0, count, (n,), device=device, generator=generator)

    people = {name: uniform(*limits) for name, limits in RANGES.items()}
    people |= {
        "gender": integer(2),
        "age": integer(3),
        "eye_colour": integer(5),
        "hair_style": integer(7),
        "hair_colour": integer(4),
        "facial_hair": (integer(5) - 1).clamp(min=0),
        "glasses": (integer(6) - 3).clamp(min=0),
        "freckles": (uniform(0, 1) < 0.25).long(),
        "mole": (uniform(0, 1) < 0.4).long(),
    }
    gone_gray = (people["age"] == 2) & (uniform(0, 1) < 0.8)
    people["hair_colour"] = torch.where(gone_gray, 4 + integer(2), people["hair_colour"])
    woman = people["gender"] == GENDERS.index("woman")
    people["facial_hair"] = people["facial_hair"].masked_fill(woman, 0)
    people["hair_style"] = people["hair_style"].masked_fill(
        woman & (people["hair_style"] == BALD), LONG
    )
    return people


def select(people: People, index: Tensor | slice) -> People:
    """The people at ``index``."""
    return {name: values[index] for name, values in people.items()}

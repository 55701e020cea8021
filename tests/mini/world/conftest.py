"""Single pictures of one person, with everything fixed that a test does not change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tpige_kedro.mini.world.motion import NO_WAVE
from tpige_kedro.mini.world.people import People
from tpige_kedro.mini.world.renderer import World

Draw = Callable[..., Tensor]
NEUTRAL = {
    "head_x": 0.0,
    "head_y": 0.05,
    "head_size": 0.5,
    "yaw": 0.1,
    "pitch": 0.0,
    "roll": 0.0,
    "zoom": 1.0,
    "pan": 0.0,
    "wave": NO_WAVE,
    "role": 0,
    "setting": 6,
    "backdrop": 3,
    "shirt": 2,
    "face_open": 1.0,
}


@pytest.fixture(scope="session")
def someone() -> People:
    """A person on whom every identity parameter can be seen: with a mole, a beard and short hair."""
    middle = {
        "skin": 1.3, "hue": 0.2, "face_width": 0.75, "jaw": 0.5, "eye_spacing": 0.34, "eye_size": 0.15,
        "eye_aspect": 0.8, "eye_height": 0.0, "brow_thickness": 0.06, "brow_tilt": 0.0, "brow_gap": 0.2,
        "nose_length": 0.24, "nose_width": 0.1, "mouth_width": 0.25, "mouth_height": 0.5, "lip": 0.06,
        "hairline": -0.5, "hair_volume": 0.09, "mole_x": 0.3, "mole_y": 0.25,
    }  # fmt: skip
    kinds = {
        "gender": 0, "age": 0, "eye_colour": 1, "hair_style": 1, "hair_colour": 1, "facial_hair": 0,
        "glasses": 0, "freckles": 0, "mole": 1,
    }  # fmt: skip
    numbers = {name: torch.tensor([value]) for name, value in middle.items()}
    return numbers | {name: torch.tensor([value]) for name, value in kinds.items()}


@pytest.fixture(scope="session")
def draw(world: World, someone: People) -> Draw:
    """``draw(role=[0, 1], yaw=0.5, person={"age": 2})``: (n, 3, 80, 80), n being the longest list."""

    def picture(person: dict[str, float] | None = None, **changes: float | list[float]) -> Tensor:
        values = {**NEUTRAL, **changes}
        n = max([len(v) for v in values.values() if isinstance(v, list)], default=1)
        frame = {
            name: torch.tensor(value if isinstance(value, list) else [value] * n)
            for name, value in values.items()
        }
        people = {name: value.expand(n) for name, value in someone.items()}
        for name, number in (person or {}).items():
            people[name] = torch.full_like(people[name], number)
        return world.render(people, frame)

    return picture

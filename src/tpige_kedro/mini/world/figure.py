"""What a painter needs to know of each picture: the person, the pose, the coordinates and the colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tpige_kedro.mini.world.people import People
from tpige_kedro.mini.world.vocabulary import EYE_COLOURS, HAIR_COLOURS, ROLES, SHIRTS, SKINS


@dataclass(frozen=True)
class Palette:
    """The named colours as tensors on one device."""

    skins: Tensor
    hair: Tensor
    eyes: Tensor
    shirts: Tensor
    clothes: Tensor

    @classmethod
    def on(cls, device: torch.device | str) -> Palette:
        """The palette on ``device``."""
        tables = (
            SKINS.values(),
            HAIR_COLOURS.values(),
            EYE_COLOURS.values(),
            SHIRTS,
            ROLES.values(),
        )
        return cls(*(torch.tensor(list(colours), device=device) for colours in tables))


@dataclass(frozen=True)
class Figure:
    """One person per picture. Coordinates are (n, S, S) in head units around the middle of the head; the rest (n, 1, 1).

    ``bx, by`` stay upright with the body; ``x, y`` roll with the head; ``fx, fy`` also follow yaw and pitch, so the
    features of the face live there; ``mx = |fx|`` draws both halves of a face at once.
    """

    bx: Tensor
    by: Tensor
    x: Tensor
    y: Tensor
    fx: Tensor
    fy: Tensor
    skull: Tensor  # superellipse radius: 1 on the outline of the head
    person: dict[str, Tensor]
    role: Tensor
    face_open: Tensor  # 1 shows the face of a hiding role
    yaw: Tensor
    wave: Tensor
    skin: Tensor  # colours: (n, 3, 1, 1)
    hair: Tensor
    eyes: Tensor
    clothes: Tensor

    @property
    def mx(self) -> Tensor:
        """Distance from the middle line of the face."""
        return self.fx.abs()

    @property
    def head(self) -> Tensor:
        """Signed distance to the outline of the head."""
        return (self.skull - 1) * self.person["face_width"]

    def wears(self, role: int) -> Tensor:
        """1 where the person has this role."""
        return (self.role == role).float()

    def has(self, parameter: str, value: int) -> Tensor:
        """1 where a discrete identity parameter has this value."""
        return (self.person[parameter] == value).float()

    def rows(self, index: Tensor) -> Figure:
        """The figures at ``index``."""
        person = {name: values[index] for name, values in self.person.items()}
        tensors = {k: v[index] for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, person=person, **tensors)


def make_figure(
    people: People, frame: dict[str, Tensor], grid: tuple[Tensor, Tensor], palette: Palette
) -> Figure:
    """Place each person in their picture; ``frame`` holds pose, role, face_open and shirt, each (n,)."""

    def column(values: Tensor) -> Tensor:
        return values.float().view(-1, 1, 1)

    person = {name: column(values) for name, values in people.items()}
    size, yaw = column(frame["head_size"]), column(frame["yaw"])
    bx = (grid[0] - column(frame["head_x"])) / size
    by = (grid[1] - column(frame["head_y"])) / size
    cos, sin = torch.cos(column(frame["roll"])), torch.sin(column(frame["roll"]))
    x, y = cos * bx + sin * by, cos * by - sin * bx
    taper = 1 - (0.42 - 0.36 * person["jaw"]) * y.clamp(0, 1) ** 1.6
    power = 2 + 1.1 * person["jaw"]
    across = (x / (person["face_width"] * taper)).abs() + 1e-4
    skull = (across**power + (y.abs() + 1e-4) ** power) ** (1 / power)
    return Figure(
        bx=bx,
        by=by,
        x=x,
        y=y,
        fx=(x - 0.3 * yaw) / (1 - 0.12 * yaw.abs()),
        fy=y - 0.18 * column(frame["pitch"]),
        skull=skull,
        person=person,
        role=column(frame["role"]),
        face_open=column(frame["face_open"]),
        yaw=yaw,
        wave=column(frame["wave"]),
        **_colours(people, frame, palette),
    )


def _colours(people: People, frame: dict[str, Tensor], palette: Palette) -> dict[str, Tensor]:
    anchor = people["skin"].floor().clamp(0, len(palette.skins) - 2).long()
    between = (people["skin"] - anchor)[:, None]
    skin = torch.lerp(palette.skins[anchor], palette.skins[anchor + 1], between)
    skin = (skin + people["hue"][:, None] * skin.new_tensor([0.02, -0.01, -0.02])).clamp(0, 1)
    plain = (frame["role"] == 0)[:, None]
    colours = {
        "skin": skin,
        "hair": palette.hair[people["hair_colour"]],
        "eyes": palette.eyes[people["eye_colour"]],
        "clothes": torch.where(
            plain, palette.shirts[frame["shirt"]], palette.clothes[frame["role"]]
        ),
    }
    return {name: colour[:, :, None, None] for name, colour in colours.items()}

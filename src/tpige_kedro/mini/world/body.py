"""Paints body, hair and face: everything that shows who a person is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tpige_kedro.mini.world.canvas import Canvas
from tpige_kedro.mini.world.figure import Figure
from tpige_kedro.mini.world.shapes import both, box, ellipse, outline, segment
from tpige_kedro.mini.world.vocabulary import (
    ASTRONAUT,
    BALD,
    BEARD,
    BOB,
    BUN,
    CURLY,
    DOCTOR,
    GOATEE,
    KNIGHT,
    LONG,
    MUSTACHE,
    PLAIN,
    ROUND,
    SHORT,
    SPIKY,
    SQUARE,
    WELDER,
)

NEARLY_BLACK = (0.07, 0.07, 0.09)


def _locks(f: Figure) -> Tensor:
    """The wavy edge of curly hair."""
    return 0.05 * torch.sin(13 * torch.atan2(f.x, -f.y))


def _bare_headed(f: Figure) -> Tensor:
    """1 where no hat flattens the hair."""
    return f.wears(PLAIN) + f.wears(DOCTOR) + f.wears(WELDER)


def _without_helmet(f: Figure) -> Tensor:
    return 1 - f.wears(ASTRONAUT) - f.wears(KNIGHT)


def paint_hair_behind(canvas: Canvas, f: Figure) -> None:
    """The hair that falls behind the head."""
    width, behind, free = f.person["face_width"], 0.85 * f.hair, _without_helmet(f)
    canvas.paint(
        box(f.x, f.y, 0.0, 0.15, width + 0.12, 1.05, 0.35), behind, f.has("hair_style", LONG) * free
    )
    canvas.paint(
        box(f.x, f.y, 0.0, -0.15, width + 0.15, 0.75, 0.35), behind, f.has("hair_style", BOB) * free
    )
    curls = ellipse(f.x, f.y, 0.0, -0.18, width + 0.2 + _locks(f), 0.98 + _locks(f))
    canvas.paint(curls, behind, f.has("hair_style", CURLY) * free)
    bare = _bare_headed(f)
    canvas.paint(
        ellipse(f.x, f.y, 0.0, -1.12, 0.30, 0.28), 0.9 * f.hair, f.has("hair_style", BUN) * bare
    )
    spikes = ((torch.atan2(f.x, -f.y) * 4.5 / math.pi) % 1 - 0.5).abs() * 2
    crown = ellipse(f.x, f.y, 0.0, -0.2, width + 0.1 + 0.12 * spikes, 0.98 + 0.22 * spikes)
    canvas.paint(both(crown, f.y + 0.1), f.hair, f.has("hair_style", SPIKY) * bare)


def paint_hair_in_front(canvas: Canvas, f: Figure) -> None:
    """The hair over forehead and temples."""
    width, free = f.person["face_width"], _without_helmet(f)
    volume = f.person["hair_volume"]
    parting = 0.1 * f.has("hair_style", SHORT)
    fringe = f.y - (f.person["hairline"] + 0.55 * (f.x - parting) ** 2)
    canvas.paint(
        both(ellipse(f.x, f.y, 0.0, -0.04, width + 0.05 + volume, 1.0 + volume), fringe),
        f.hair,
        1 - f.has("hair_style", BALD),
    )
    strands = both(
        both(box(f.x, f.y, 0.0, 0.1, width + 0.1, 1.0, 0.3), width * 0.86 - f.x.abs()), -f.y - 0.5
    )
    canvas.paint(strands, f.hair, f.has("hair_style", LONG) * free)
    canvas.paint(both(strands, f.y - 0.45), f.hair, f.has("hair_style", BOB) * free)
    curls = ellipse(f.x, f.y, 0.0, -0.75, width + 0.1 + _locks(f), 0.36)
    canvas.paint(curls, f.hair, f.has("hair_style", CURLY) * free)


def paint_torso(canvas: Canvas, f: Figure) -> None:
    """Neck and clothes."""
    canvas.paint(box(f.bx, f.by, 0.0, 1.1, 0.3, 0.5, 0.1), 0.88 * f.skin)
    canvas.paint(box(f.bx, f.by, 0.0, 2.75, 1.3, 1.45, 0.6), f.clothes)


def paint_waving_arm(canvas: Canvas, f: Figure) -> None:
    """A raised arm that swings from side to side, in front of everything."""
    waving = (f.wave > -5).float()
    hand = 1.55 + 0.28 * f.wave.clamp(min=-1)
    canvas.paint(segment(f.bx, f.by, 1.15, 1.95, hand, 0.75, 0.24), 0.85 * f.clothes, waving)
    canvas.paint(ellipse(f.bx, f.by, hand, 0.42, 0.27, 0.29), f.skin, waving)


def paint_face(canvas: Canvas, f: Figure) -> None:
    """Head and features, from the skin up."""
    canvas.paint(ellipse(f.x.abs(), f.y, f.person["face_width"], 0.05, 0.12, 0.18), 0.9 * f.skin)
    canvas.paint(f.head, f.skin)
    _paint_skin_marks(canvas, f)
    _paint_nose(canvas, f)
    _paint_facial_hair(canvas, f)
    _paint_mouth(canvas, f)
    _paint_eyes(canvas, f)
    _paint_glasses(canvas, f)


def _paint_skin_marks(canvas: Canvas, f: Figure) -> None:
    p, wrinkle = f.person, 0.68 * f.skin
    canvas.paint(ellipse(f.mx, f.fy, 0.42, 0.3, 0.16, 0.1), (0.9, 0.35, 0.3), 0.25 * p["gender"])
    middle_aged, elderly = (p["age"] >= 1).float(), (p["age"] >= 2).float()
    canvas.paint(segment(f.mx, f.fy, 0.24, 0.24, 0.34, 0.44, 0.025), wrinkle, middle_aged)
    canvas.paint(box(f.fx, f.fy, 0.0, -0.40, 0.30, 0.02), wrinkle, elderly)
    canvas.paint(box(f.fx, f.fy, 0.0, -0.52, 0.24, 0.02), wrinkle, elderly)
    bag = ellipse(
        f.mx - p["eye_spacing"],
        f.fy - p["eye_height"],
        0.0,
        0.95 * p["eye_size"],
        p["eye_size"],
        0.035,
    )
    canvas.paint(bag, wrinkle, elderly)
    for x, y in ((0.20, 0.20), (0.30, 0.14), (0.38, 0.24), (0.28, 0.30)):
        canvas.paint(ellipse(f.mx, f.fy, x, y, 0.03, 0.03), 0.6 * f.skin, p["freckles"])
    canvas.paint(
        ellipse(f.fx, f.fy, p["mole_x"], p["mole_y"], 0.05, 0.05), (0.20, 0.10, 0.08), p["mole"]
    )


def _paint_nose(canvas: Canvas, f: Figure) -> None:
    length = f.person["nose_length"]
    canvas.paint(segment(f.fx, f.fy, 0.0, 0.02, 0.0, length, 0.03), 0.85 * f.skin)
    canvas.paint(ellipse(f.fx, f.fy, 0.0, length, f.person["nose_width"], 0.055), 0.76 * f.skin)


def _paint_facial_hair(canvas: Canvas, f: Figure) -> None:
    colour, mouth = 0.9 * f.hair, f.person["mouth_height"]
    cheek_line = mouth - 0.12 - f.fy + 0.25 * (0.35 - f.mx).clamp(min=0)
    canvas.paint(both(f.head, cheek_line), colour, f.has("facial_hair", BEARD))
    canvas.paint(ellipse(f.fx, f.fy, 0.0, 0.8, 0.2, 0.2), colour, f.has("facial_hair", GOATEE))
    lip_hair = f.has("facial_hair", MUSTACHE) + f.has("facial_hair", BEARD)
    canvas.paint(ellipse(f.fx, f.fy, 0.0, mouth - 0.1, 0.27, 0.065), colour, lip_hair)


def _paint_mouth(canvas: Canvas, f: Figure) -> None:
    p = f.person
    natural = 0.7 * f.skin + 0.3 * f.skin.new_tensor([0.75, 0.2, 0.2]).view(1, 3, 1, 1)
    painted = f.skin.new_tensor([0.8, 0.15, 0.2]).view(1, 3, 1, 1)
    lips = torch.lerp(natural, painted.expand_as(natural), 0.6 * p["gender"][:, None])
    canvas.paint(ellipse(f.fx, f.fy, 0.0, p["mouth_height"], p["mouth_width"], p["lip"]), lips)
    canvas.paint(
        ellipse(f.fx, f.fy, 0.0, p["mouth_height"], 0.9 * p["mouth_width"], 0.014), 0.5 * lips
    )


def _paint_eyes(canvas: Canvas, f: Figure) -> None:
    p = f.person
    size, aspect = p["eye_size"], p["eye_aspect"]
    x, y = f.mx - p["eye_spacing"], f.fy - p["eye_height"]
    lashes = ellipse(x, y, 0.0, -0.03, 1.15 * size, 1.1 * size * aspect)
    canvas.paint(lashes, NEARLY_BLACK, 0.4 + 0.5 * p["gender"])
    canvas.paint(ellipse(x, y, 0.0, 0.0, size, size * aspect), (0.98, 0.98, 0.98))
    looking = f.fx.sign() * x - 0.04 * f.yaw  # both eyes look to the same side
    iris = 0.62 * size * (0.5 + 0.5 * aspect)
    canvas.paint(ellipse(looking, y, 0.0, 0.0, iris, iris), f.eyes)
    canvas.paint(ellipse(looking, y, 0.0, 0.0, 0.45 * iris, 0.45 * iris), (0.03, 0.03, 0.03))
    bald = f.has("hair_style", BALD)[:, None]
    tilt, gap = p["brow_tilt"], p["brow_gap"]
    brow = segment(
        x, y, -0.9 * size, tilt - gap, 0.95 * size, -tilt - gap, 0.5 * p["brow_thickness"]
    )
    canvas.paint(brow, torch.where(bald > 0, 0.35 * f.skin, 0.75 * f.hair))


def _paint_glasses(canvas: Canvas, f: Figure) -> None:
    p = f.person
    x, y = f.mx - p["eye_spacing"], f.fy - p["eye_height"]
    rim = p["eye_size"] + 0.07
    canvas.paint(
        outline(ellipse(x, y, 0.0, 0.0, rim, rim), 0.028),
        (0.10, 0.10, 0.12),
        f.has("glasses", ROUND),
    )
    square = outline(box(x, y, 0.0, 0.0, rim, 0.85 * rim, 0.03), 0.028)
    canvas.paint(square, (0.55, 0.10, 0.10), f.has("glasses", SQUARE))
    bridge = both(y.abs() - 0.025, f.mx - (p["eye_spacing"] - rim))
    canvas.paint(bridge, (0.10, 0.10, 0.12), (p["glasses"] > 0).float())

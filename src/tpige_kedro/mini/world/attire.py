"""Paints what roles wear: suits, hats, and the masks, visors and helmets that hide a face unless it is shown open."""

from __future__ import annotations

from collections.abc import Callable

from tpige_kedro.mini.world.canvas import Canvas
from tpige_kedro.mini.world.figure import Figure
from tpige_kedro.mini.world.shapes import both, box, ellipse, outline, segment
from tpige_kedro.mini.world.vocabulary import (
    ASTRONAUT,
    BUILDER,
    CHEF,
    COWBOY,
    DOCTOR,
    FIREFIGHTER,
    KING,
    KNIGHT,
    WELDER,
)


def paint_shell(canvas: Canvas, f: Figure) -> None:
    """The back of an astronaut's helmet, behind the head."""
    canvas.paint(ellipse(f.x, f.y, 0.0, -0.02, 1.32, 1.34), (0.93, 0.94, 0.96), f.wears(ASTRONAUT))


def paint_suit(canvas: Canvas, f: Figure) -> None:
    """What makes the clothes of each role."""
    x, y, side = f.bx, f.by, f.bx.abs()
    canvas.paint(box(x, y, 0.0, 3.0, 0.12, 1.6), (0.98, 0.90, 0.20), f.wears(BUILDER))
    stripes = f.wears(BUILDER) + f.wears(FIREFIGHTER)
    canvas.paint(segment(side, y, 0.75, 1.4, 0.75, 4.0, 0.12), (0.98, 0.95, 0.30), stripes)
    canvas.paint(segment(side, y, 0.05, 2.0, 0.45, 1.3, 0.1), (0.30, 0.70, 0.75), f.wears(DOCTOR))
    canvas.paint(ellipse(x, y, 0.0, 1.5, 0.75, 0.22), (0.95, 0.93, 0.90), f.wears(KING))
    canvas.paint(ellipse(x, y, 0.0, 1.35, 0.8, 0.2), (0.55, 0.57, 0.62), f.wears(ASTRONAUT))
    canvas.paint(box(x, y, 0.0, 2.2, 0.3, 0.2, 0.05), (0.20, 0.35, 0.80), f.wears(ASTRONAUT))
    canvas.paint(ellipse(side, y, 1.05, 1.75, 0.42, 0.36), (0.72, 0.75, 0.80), f.wears(KNIGHT))
    canvas.paint(ellipse(side, y, 0.2, 1.85, 0.05, 0.05), (0.30, 0.30, 0.30), f.wears(CHEF))
    canvas.paint(segment(side, y, 0.0, 1.7, 0.5, 1.35, 0.13), (0.80, 0.20, 0.15), f.wears(COWBOY))


def _toque(canvas: Canvas, f: Figure) -> None:
    width = f.person["face_width"]
    canvas.paint(box(f.x, f.y, 0.0, -1.05, width - 0.04, 0.32, 0.05), (0.97, 0.97, 0.97))
    canvas.paint(ellipse(f.x.abs(), f.y, 0.38, -1.42, 0.42, 0.26), (0.99, 0.99, 0.99))
    canvas.paint(box(f.x, f.y, 0.0, -0.76, width, 0.06), (0.75, 0.75, 0.78))


def _hard_hat(canvas: Canvas, f: Figure) -> None:
    width = f.person["face_width"]
    canvas.paint(
        both(ellipse(f.x, f.y, 0.0, -0.5, width + 0.16, 0.72), f.y + 0.52), (0.98, 0.82, 0.10)
    )
    canvas.paint(box(f.x, f.y, 0.0, -0.5, width + 0.24, 0.07, 0.05), (0.90, 0.68, 0.05))
    canvas.paint(box(f.x, f.y, 0.0, -0.9, 0.09, 0.36, 0.05), (0.90, 0.68, 0.05))


def _crown(canvas: Canvas, f: Figure) -> None:
    spikes = 0.5 * ((2.2 * f.x) % 1 - 0.5).abs()
    band = box(f.x, f.y, 0.0, -0.95, f.person["face_width"] + 0.02, 0.4)
    canvas.paint(both(band, spikes - 1.28 - f.y), (0.95, 0.78, 0.15))
    canvas.paint(ellipse(f.x, f.y, 0.0, -0.78, 0.09, 0.09), (0.85, 0.10, 0.15))


def _cowboy_hat(canvas: Canvas, f: Figure) -> None:
    width = f.person["face_width"]
    canvas.paint(box(f.x, f.y, 0.0, -1.05, width - 0.08, 0.38, 0.2), (0.50, 0.30, 0.14))
    canvas.paint(ellipse(f.x, f.y - 0.15 * f.x.abs(), 0.0, -0.72, 1.25, 0.13), (0.42, 0.25, 0.10))
    canvas.paint(box(f.x, f.y, 0.0, -0.82, width - 0.06, 0.05), (0.20, 0.10, 0.05))


def _surgical_mask(canvas: Canvas, f: Figure) -> None:
    width, closed = f.person["face_width"], 1 - f.face_open
    mask = both((f.skull - 1.04) * width, 0.17 - f.fy + 0.1 * f.mx)
    canvas.paint(mask, (0.55, 0.82, 0.88), closed)
    canvas.paint(box(f.fx, f.fy, 0.0, 0.52, 0.5, 0.02), (0.40, 0.68, 0.75), closed)
    canvas.paint(
        segment(f.x.abs(), f.y, width * 0.6, 0.25, width, 0.0, 0.03), (0.80, 0.90, 0.92), closed
    )
    canvas.paint(ellipse(f.x, f.y, 0.0, 1.06, width * 0.62, 0.17), (0.55, 0.82, 0.88), f.face_open)
    cap = both(ellipse(f.x, f.y, 0.0, -0.55, width + 0.1, 0.55), f.y + 0.6)
    canvas.paint(cap, (0.40, 0.72, 0.78))


def _space_helmet(canvas: Canvas, f: Figure) -> None:
    visor, closed = ellipse(f.x, f.y, 0.0, 0.02, 1.0, 1.04), 1 - f.face_open
    canvas.paint(outline(visor, 0.09), (0.72, 0.74, 0.78))
    canvas.paint(visor + 0.07, (0.75, 0.50, 0.12), closed)
    canvas.paint(ellipse(f.x, f.y, -0.3, -0.35, 0.35, 0.22), (0.98, 0.85, 0.50), 0.8 * closed)
    canvas.paint(
        segment(f.x, f.y, 0.55, -0.55, 0.72, -0.2, 0.05), (1.0, 1.0, 1.0), 0.8 * f.face_open
    )


def _fire_helmet(canvas: Canvas, f: Figure) -> None:
    width, closed = f.person["face_width"], 1 - f.face_open
    canvas.paint(
        both(ellipse(f.x, f.y, 0.0, -0.5, width + 0.2, 0.8), f.y + 0.5), (0.78, 0.10, 0.10)
    )
    canvas.paint(box(f.x, f.y, 0.0, -0.48, width + 0.34, 0.08, 0.05), (0.60, 0.06, 0.06))
    canvas.paint(ellipse(f.x, f.y, 0.0, -0.85, 0.2, 0.26), (0.95, 0.80, 0.20))
    canvas.paint(both((f.skull - 1.06) * width, -0.38 - f.y), (0.16, 0.17, 0.19), closed)
    canvas.paint(ellipse(f.mx, f.fy, 0.34, -0.02, 0.24, 0.22), (0.50, 0.56, 0.50), closed)
    canvas.paint(ellipse(f.fx, f.fy, 0.0, 0.55, 0.26, 0.24), (0.35, 0.36, 0.38), closed)
    canvas.paint(ellipse(f.fx, f.fy, 0.0, 0.55, 0.13, 0.12), (0.10, 0.10, 0.10), closed)


def _knights_helm(canvas: Canvas, f: Figure) -> None:
    width, closed = f.person["face_width"], 1 - f.face_open
    helm = ellipse(f.x, f.y, 0.0, -0.05, width + 0.22, 1.2)
    canvas.paint(both(helm, -ellipse(f.x, f.y, 0.0, 0.12, width - 0.04, 0.85)), (0.66, 0.69, 0.74))
    canvas.paint(helm, (0.62, 0.65, 0.70), closed)
    canvas.paint(box(f.fx, f.fy, 0.0, -0.08, 0.6, 0.09, 0.03), (0.05, 0.05, 0.06), closed)
    canvas.paint(box(f.fx, f.fy, 0.0, 0.45, 0.03, 0.42), (0.40, 0.42, 0.46), closed)
    for y in (0.3, 0.5, 0.7):
        canvas.paint(ellipse(f.mx, f.fy, 0.3, y, 0.05, 0.04), (0.10, 0.10, 0.10), closed)
    canvas.paint(segment(f.x, f.y, 0.0, -1.25, 0.35, -1.55, 0.12), (0.80, 0.12, 0.12))


def _welding_mask(canvas: Canvas, f: Figure) -> None:
    width, closed = f.person["face_width"], 1 - f.face_open
    canvas.paint(
        box(f.x, f.y, 0.0, -0.95, width + 0.06, 0.32, 0.12), (0.25, 0.27, 0.30), f.face_open
    )
    canvas.paint(box(f.x, f.y, 0.0, -0.95, 0.36, 0.13, 0.02), (0.10, 0.30, 0.16), f.face_open)
    canvas.paint(box(f.x, f.y, 0.0, 0.0, width + 0.14, 1.08, 0.3), (0.25, 0.27, 0.30), closed)
    canvas.paint(box(f.fx, f.fy, 0.0, -0.12, 0.5, 0.2, 0.03), (0.10, 0.42, 0.20), closed)
    canvas.paint(box(f.fx, f.fy, 0.1, -0.18, 0.1, 0.04, 0.02), (0.50, 0.80, 0.55), closed)


HEADGEAR: dict[int, Callable[[Canvas, Figure], None]] = {
    CHEF: _toque,
    BUILDER: _hard_hat,
    KING: _crown,
    COWBOY: _cowboy_hat,
    DOCTOR: _surgical_mask,
    ASTRONAUT: _space_helmet,
    FIREFIGHTER: _fire_helmet,
    KNIGHT: _knights_helm,
    WELDER: _welding_mask,
}


def paint_headgear(canvas: Canvas, f: Figure) -> None:
    """Hats, helmets and masks, painted only on the pictures that need them."""
    for role, paint in HEADGEAR.items():
        index = (f.role[:, 0, 0] == role).nonzero()[:, 0]
        if len(index):
            part = canvas.rows(index)
            paint(part, f.rows(index))
            canvas.put(index, part)

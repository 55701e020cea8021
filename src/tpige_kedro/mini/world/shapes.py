"""Signed distances to simple shapes: negative inside, positive outside, in the units of the coordinates.

Coordinates are (n, S, S); parameters are numbers or tensors that broadcast against them.
"""

from __future__ import annotations

import torch
from torch import Tensor

Value = Tensor | float


def _smaller(a: Value, b: Value) -> Value:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.minimum(a, b)
    if isinstance(a, Tensor):
        return a.clamp(max=b)
    return b.clamp(max=a) if isinstance(b, Tensor) else min(a, b)


def ellipse(x: Tensor, y: Tensor, cx: Value, cy: Value, rx: Value, ry: Value) -> Tensor:
    """An ellipse around (cx, cy); the distance is exact for circles and close enough for drawing otherwise."""
    a, b = (x - cx) / rx, (y - cy) / ry
    return ((a * a + b * b + 1e-8).sqrt() - 1) * _smaller(rx, ry)


def box(
    x: Tensor,
    y: Tensor,
    cx: Value,
    cy: Value,
    half_width: Value,
    half_height: Value,
    radius: float = 0.0,
) -> Tensor:
    """A rectangle with rounded corners."""
    a = (x - cx).abs() - half_width + radius
    b = (y - cy).abs() - half_height + radius
    outside = (a.clamp(min=0) ** 2 + b.clamp(min=0) ** 2 + 1e-10).sqrt()
    return outside + torch.maximum(a, b).clamp(max=0) - radius


def segment(
    x: Tensor, y: Tensor, ax: Value, ay: Value, bx: Value, by: Value, radius: Value
) -> Tensor:
    """A thick line with round ends from (ax, ay) to (bx, by)."""
    px, py = x - ax, y - ay
    dx, dy = bx - ax, by - ay
    along = ((px * dx + py * dy) / (dx * dx + dy * dy + 1e-6)).clamp(0, 1)
    a, b = px - dx * along, py - dy * along
    return (a * a + b * b + 1e-10).sqrt() - radius


def both(a: Tensor, b: Tensor) -> Tensor:
    """The intersection of two shapes."""
    return torch.maximum(a, b)


def outline(distance: Tensor, half_width: float) -> Tensor:
    """A line along the edge of a shape."""
    return distance.abs() - half_width

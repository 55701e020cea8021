"""Labels beside points that cover neither each other nor the points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from benchmarks.evidence.statistics import Array

RADII = (9, 16, 26, 38, 52)  # pixels from the point, the nearest first
ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, 20, 340, 160, 200)  # degrees
MARGIN = 2.0
LEADER = 16  # a label further away gets a line to its point

Label = tuple[float, float, str, str]  # x, y, text, colour


def label_points(
    axes: Axes, labels: Sequence[Label], size: float = 8, avoid: Sequence[Array] = ()
) -> None:
    """Write each label near its point, where it is free; ``avoid`` holds further boxes (n, 4). Draw everything else before."""
    axes.figure.draw_without_rendering()
    inside = _extents(axes)
    points = axes.transData.transform([(x, y) for x, y, *_ in labels])
    taken = np.concatenate([np.hstack([points - 5, points + 5]), *avoid])
    for (x, y, text, colour), point in zip(labels, points, strict=True):
        note = axes.annotate(
            text, (x, y), (0, 0), textcoords="offset pixels", fontsize=size, color=colour
        )
        note.set(ha="center", va="center")
        note.set_in_layout(False)
        left, low, right, high = _extents(note)
        half = np.array([right - left, high - low]) / 2
        offset, radius = _free_place(point, half, taken, inside)
        taken = np.vstack([taken, _box(point + offset, half)])
        note.set_position(tuple(offset))
        if radius > LEADER:
            edge = np.clip(0.0, offset - half, offset + half)  # of the label, nearest to its point
            line = {"arrowstyle": "-", "color": colour, "lw": 0.5, "alpha": 0.6}
            line |= {"shrinkA": 0, "shrinkB": 3}
            leader = axes.annotate("", (x, y), edge, textcoords="offset pixels", arrowprops=line)
            leader.set_in_layout(False)


def boxes_of(*artists: Artist) -> Array:
    """The boxes (n, 4) of things drawn: left, low, right, high in pixels."""
    return np.stack([_extents(artist) for artist in artists])


def boxes_along(axes: Axes, x: Sequence[float], y: Sequence[float]) -> Array:
    """Small boxes (n, 4), in pixels, along the line through points in data coordinates."""
    corners = axes.transData.transform(np.column_stack([x, y]))
    parts = [corners]
    for begin, end in itertools.pairwise(corners):
        steps = max(1, int(np.hypot(*(end - begin)) // 4))
        parts.append(np.linspace(begin, end, steps + 1))
    places = np.concatenate(parts)
    return np.hstack([places - 2, places + 2])


def _free_place(point: Array, half: Array, taken: Array, inside: Array) -> tuple[Array, float]:
    """The nearest offset of a label's centre at which it overlaps least (nothing, if that can be), and its distance."""
    best, distance, least = np.zeros(2), 0.0, math.inf
    for radius, angle in itertools.product(RADII, ANGLES):
        turn = math.radians(angle)
        offset = np.array([math.cos(turn), math.sin(turn)]) * (radius + half)
        box = _box(point + offset, half)
        outside = float(np.prod(box[2:] - box[:2])) - _shared(box, inside[None])
        cost = _shared(box, taken) + outside
        if cost < least:
            best, distance, least = offset, float(radius), cost
        if cost <= 0:
            break
    return best, distance


def _box(centre: Array, half: Array) -> Array:
    return np.concatenate([centre - half - MARGIN, centre + half + MARGIN])


def _shared(box: Array, others: Array) -> float:
    """The area that a box (4,) shares with others (n, 4), summed."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return float(np.prod(np.maximum(sides, 0.0), axis=1).sum())


def _extents(artist: Artist) -> Array:
    return np.array(artist.get_window_extent().extents)

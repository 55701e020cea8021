"""Draws people: one picture per row, all in one batch, on CPU or GPU."""

from __future__ import annotations

import torch
from torch import Tensor

from tpige_kedro.mini.world import attire, body
from tpige_kedro.mini.world.backgrounds import paint_backdrops, view
from tpige_kedro.mini.world.canvas import Canvas
from tpige_kedro.mini.world.figure import Palette, make_figure
from tpige_kedro.mini.world.people import People

SIZE = 80  # side of all pictures of the mini world, in pixels


class World:
    """Holds what all pictures share: the pixel grid, the backdrops and the palette, on one device."""

    def __init__(self, size: int = SIZE, device: torch.device | str = "cpu") -> None:
        self.size, self.device = size, torch.device(device)
        axis = (torch.arange(size, device=self.device) + 0.5) / size * 2 - 1
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        self._grid = (x, y)
        self._backdrops = paint_backdrops(size).to(self.device)
        self._palette = Palette.on(self.device)

    def render(self, people: People, frame: dict[str, Tensor]) -> Tensor:
        """Pictures (n, 3, S, S) in [-1, 1] of ``people`` (n,) in ``frame``.

        ``frame`` gives, each (n,): the pose (see :mod:`.motion`), ``role``, ``setting``, ``backdrop`` (variant of the
        setting), ``shirt`` and ``face_open``.
        """
        scene = view(
            self._backdrops,
            frame["setting"],
            frame["backdrop"],
            frame["zoom"],
            frame["pan"],
            self.size,
        )
        half = torch.float16 if self.device.type == "cuda" else torch.float32
        pixels_per_unit = frame["head_size"].view(-1, 1, 1) * (self.size / 2)
        canvas = Canvas(scene.to(half), pixels_per_unit)
        figure = make_figure(people, frame, self._grid, self._palette)
        for paint in (
            attire.paint_shell,
            body.paint_hair_behind,
            body.paint_torso,
            attire.paint_suit,
            body.paint_face,
            body.paint_hair_in_front,
            attire.paint_headgear,
            body.paint_waving_arm,
        ):
            paint(canvas, figure)
        return canvas.image.float().clamp(0, 1) * 2 - 1

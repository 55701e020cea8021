"""Painted backdrops: several variants of each setting, and studio walls for portraits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from tpige_kedro.mini.world.canvas import Canvas
from tpige_kedro.mini.world.shapes import box, ellipse
from tpige_kedro.mini.world.vocabulary import SETTING_TEXTS

VARIANTS = 16  # of each setting
MARGIN = 1.5  # backdrops are larger than the picture, so that the camera can pan and zoom


class _Scene:
    """One backdrop in the making: a canvas of one picture, its coordinates and a source of chance."""

    def __init__(self, size: int, generator: torch.Generator) -> None:
        axis = torch.linspace(-1, 1, size)
        self.y, self.x = (grid[None] for grid in torch.meshgrid(axis, axis, indexing="ij"))
        self.down = (self.y[:, None] + 1) / 2  # 0 at the top, 1 at the bottom
        self.canvas = Canvas(torch.zeros(1, 3, size, size), torch.full((1, 1, 1), size / 2))
        self._generator = generator
        self.paint = self.canvas.paint

    def uniform(self, low: float, high: float) -> float:
        return float(torch.rand(1, generator=self._generator)) * (high - low) + low

    def fill(self, top: tuple[float, ...], bottom: tuple[float, ...] | None = None) -> None:
        """A vertical gradient over the whole picture."""
        start, end = (torch.tensor(c).view(1, 3, 1, 1) for c in (top, bottom or top))
        self.canvas.image = (
            (start * (1 - self.down) + end * self.down).expand_as(self.canvas.image).clone()
        )

    def below(self, height: Tensor | float, colour: tuple[float, float, float]) -> None:
        self.paint(height - self.y, colour)


def _beach(s: _Scene) -> None:
    s.fill((0.45, 0.75, 0.98), (0.80, 0.93, 1.0))
    s.paint(
        ellipse(s.x, s.y, s.uniform(-0.8, 0.8), s.uniform(-0.8, -0.5), 0.16, 0.16), (1.0, 0.92, 0.4)
    )
    horizon = s.uniform(0.0, 0.15)
    s.below(horizon, (0.10, 0.45, 0.75))
    s.below(horizon + 0.3 + 0.03 * torch.sin(s.x * 8 + s.uniform(0, 6)), (0.95, 0.85, 0.60))


def _kitchen(s: _Scene) -> None:
    s.fill((0.95, 0.88, 0.72))
    across = ((s.x * 4 + s.uniform(0, 1)) % 1 - 0.5).abs()
    along = ((s.y * 4) % 1 - 0.5).abs()
    joints = ((across > 0.46) | (along > 0.46)).float()
    s.paint(torch.full_like(s.x, -1.0), (0.80, 0.70, 0.55), 0.6 * joints)
    for low, high in ((-0.7, -0.4), (0.4, 0.7)):
        s.paint(box(s.x, s.y, s.uniform(low, high), -0.62, 0.28, 0.25, 0.03), (0.60, 0.35, 0.20))
    s.below(0.42, (0.75, 0.75, 0.78))
    s.below(0.52, (0.50, 0.30, 0.20))


def _street(s: _Scene) -> None:
    s.fill((0.70, 0.80, 0.90))
    for house in range(6):
        x, height = -1 + house * 0.4 + s.uniform(-0.1, 0.1), s.uniform(0.5, 1.0)
        wall = box(s.x, s.y, x, 0.3 - height / 2, 0.19, height)
        s.paint(wall, (s.uniform(0.4, 0.7), s.uniform(0.35, 0.5), s.uniform(0.35, 0.5)))
        column = (((s.x - x) * 5.3 + 0.5) % 1 - 0.5).abs()
        floor = ((s.y * 3.5) % 1 - 0.5).abs()
        windows = ((column < 0.22) & (floor < 0.25) & (wall < -0.03)).float()
        s.paint(torch.full_like(s.x, -1.0), (0.95, 0.90, 0.60), windows)
    s.below(0.40, (0.35, 0.35, 0.38))
    s.paint((s.y - 0.62).abs() - 0.02, (0.95, 0.95, 0.90))


def _space(s: _Scene) -> None:
    s.fill((0.04, 0.03, 0.12), (0.12, 0.05, 0.22))
    for _ in range(22):
        s.paint(
            ellipse(s.x, s.y, s.uniform(-1, 1), s.uniform(-1, 1), 0.018, 0.018), (1.0, 1.0, 0.95)
        )
    planet = (s.uniform(0.5, 0.9), s.uniform(0.4, 0.6), s.uniform(0.2, 0.8))
    s.paint(ellipse(s.x, s.y, s.uniform(-0.8, 0.8), s.uniform(-0.8, -0.3), 0.22, 0.22), planet)


def _forest(s: _Scene) -> None:
    s.fill((0.55, 0.80, 0.55), (0.30, 0.60, 0.30))
    for tree in range(6):
        x = -1 + tree * 0.4 + s.uniform(-0.12, 0.12)
        leaves = (s.uniform(0.05, 0.2), s.uniform(0.35, 0.5), s.uniform(0.1, 0.2))
        s.paint(box(s.x, s.y, x, 0.2, 0.05, 0.6), (0.36, 0.23, 0.12))
        s.paint(ellipse(s.x, s.y, x, s.uniform(-0.6, -0.3), 0.24, 0.36), leaves)
    s.below(0.5, (0.25, 0.50, 0.15))


def _snow(s: _Scene) -> None:
    s.fill((0.60, 0.72, 0.88), (0.85, 0.90, 0.97))
    for _ in range(3):
        slope = (s.x - s.uniform(-1, 1)).abs() * 0.8 - s.y * 0.7
        s.paint(slope - 0.25 + s.uniform(-0.1, 0.1), (0.55, 0.60, 0.72))
    s.below(0.3 + 0.04 * torch.sin(s.x * 5 + s.uniform(0, 6)), (0.97, 0.98, 1.0))
    for _ in range(14):
        s.paint(
            ellipse(s.x, s.y, s.uniform(-1, 1), s.uniform(-1, 1), 0.025, 0.025), (1.0, 1.0, 1.0)
        )


def _studio(s: _Scene) -> None:
    gray = s.uniform(0.45, 0.9)
    wall = tuple(gray + s.uniform(-0.06, 0.06) for _ in range(3))
    s.fill(tuple(1.06 * c for c in wall), tuple(0.90 * c for c in wall))


SCENES: tuple[Callable[[_Scene], None], ...] = (
    _beach,
    _kitchen,
    _street,
    _space,
    _forest,
    _snow,
    _studio,
)
assert len(SCENES) == len(SETTING_TEXTS) + 1


@cache
@torch.inference_mode(False)  # whoever is first: the others may not be in that mode
def paint_backdrops(size: int, seed: int = 0) -> Tensor:
    """All backdrops of pictures with side ``size``: (settings * VARIANTS, 3, B, B) in [0, 1], B = MARGIN * size.

    They are painted once a process; nobody changes them.
    """
    generator = torch.Generator().manual_seed(seed)
    pictures = []
    for scene in SCENES:
        for _ in range(VARIANTS):
            drawing = _Scene(int(size * MARGIN), generator)
            scene(drawing)
            pictures.append(drawing.canvas.image.clamp(0, 1))
    return torch.cat(pictures)


def view(
    backdrops: Tensor, setting: Tensor, variant: Tensor, zoom: Tensor, pan: Tensor, size: int
) -> Tensor:
    """The camera's view of one backdrop per picture: (n, 3, size, size); ``zoom`` and ``pan`` (n,)."""
    window = torch.zeros(setting.shape[0], 2, 3, device=backdrops.device)
    window[:, 0, 0] = window[:, 1, 1] = 0.66 / zoom
    window[:, 0, 2], window[:, 1, 2] = pan, 0.1
    grid = F.affine_grid(window, [setting.shape[0], 3, size, size], align_corners=False)
    chosen = backdrops[setting * VARIANTS + variant]
    return F.grid_sample(chosen, grid, align_corners=False, padding_mode="border")

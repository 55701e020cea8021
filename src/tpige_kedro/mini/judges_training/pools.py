"""The pictures that the networks learn from, with what they show; pixels are kept as bytes on the device."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from torch import Tensor

from tpige_kedro.mini.networks.face_locator import Heads
from tpige_kedro.mini.world.people import People


@dataclass(frozen=True)
class Frames:
    """Pictures with what they show; every tensor has one row a picture.

    ``pictures`` (n, 3, 80, 80) uint8; ``person`` row in ``people``; ``face_open`` and ``portrait`` bool; ``x``, ``y``,
    ``size`` of the head; ``noise`` the latent noise in [0, 1] of a picture that went through the VAE, -1 for the others.
    """

    people: People
    pictures: Tensor
    person: Tensor
    role: Tensor
    setting: Tensor
    action: Tensor
    face_open: Tensor
    portrait: Tensor
    x: Tensor
    y: Tensor
    size: Tensor
    noise: Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def heads(self) -> Heads:
        """True places of the heads; ``visible`` is 1 or 0."""
        return Heads(self.face_open.float(), self.x, self.y, self.size)

    def rows(self, index: Tensor) -> Frames:
        """The pictures at ``index``."""
        columns = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "people"}
        return replace(self, **columns)

    def images(self) -> Tensor:
        """(n, 3, 80, 80) in [-1, 1]."""
        return to_floats(self.pictures)


@dataclass(frozen=True)
class Clips:
    """``video`` (n, T, 3, 80, 80) uint8 with role, setting, action (n,), ``face_open`` (n,), head ``x``, ``y``, ``size`` (n, T)."""

    video: Tensor
    role: Tensor
    setting: Tensor
    action: Tensor
    face_open: Tensor
    x: Tensor
    y: Tensor
    size: Tensor

    def rows(self, index: Tensor) -> Clips:
        """The clips at ``index``."""
        return Clips(*(getattr(self, f.name)[index] for f in fields(self)))


def to_bytes(pictures: Tensor) -> Tensor:
    """[-1, 1] to uint8."""
    return ((pictures + 1) * 127.5).round().clamp(0, 255).byte()


def to_floats(pictures: Tensor) -> Tensor:
    """uint8 to [-1, 1]."""
    return pictures.float() / 127.5 - 1

"""Draws the pools: random people in random scenes, half of them sent through the mini VAE."""

from __future__ import annotations

from dataclasses import fields
from typing import Protocol

import torch
from torch import Tensor

from tpige_kedro.mini.judges_training.pools import Clips, Frames, to_bytes
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.clips import sample_clips
from tpige_kedro.mini.world.motion import Pose
from tpige_kedro.mini.world.people import People, sample_people, select
from tpige_kedro.mini.world.renderer import World

CLIP_FRAMES = 17
FRAMES_OF_A_CLIP = 8  # pictures that the frame pool takes from a decoded clip
MAX_LATENT_NOISE = 0.3  # as wide as what a generator leaves in its latents
OPEN_SHARE = 0.75  # of the hiding roles that show the face


class Codec(Protocol):
    """The mini VAE with normalised latents."""

    def encode(self, video: Tensor) -> Tensor:
        """(n, 3, T, S, S) in [-1, 1] -> latents."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Latents -> (n, 3, T, S, S) in [-1, 1]."""
        ...


class Renderer:
    """Draws scenes with random roles, places and moments; ``codec`` None leaves the VAE out."""

    def __init__(self, device: torch.device, seed: int, codec: Codec | None) -> None:
        self.world = World(device=device)
        self.device = device
        self.codec = codec
        self.generator = torch.Generator(device=device).manual_seed(seed)

    def people(self, count: int) -> People:
        """``count`` people."""
        return sample_people(count, self.generator, self.device)

    @torch.no_grad()
    def frames(self, people: People, count: int, chunk: int) -> Frames:
        """``count`` single pictures: three of eight portraits, half of all decoded, some of those cut from whole clips."""
        kinds = (
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
            (0, 0),
            (0, 2),
            (1, 1),
            (0, 1),
        )  # (portrait, decoded)
        parts: list[Frames] = []
        for start in range(0, count, chunk):
            portrait, decoded = kinds[start // chunk % len(kinds)]
            if decoded == 2:
                part = self._cut_clips(people, max(1, chunk // FRAMES_OF_A_CLIP))
            else:
                part = self.single_frames(people, chunk, bool(portrait), bool(decoded))
            parts.append(part)
        columns = [f.name for f in fields(Frames) if f.name != "people"]
        joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in columns}
        return Frames(people=people, **joined)

    @torch.no_grad()
    def single_frames(
        self,
        people: People,
        count: int,
        portrait: bool,
        decoded: bool,
        person: Tensor | None = None,
        *,
        neutral: bool = False,
    ) -> Frames:
        """``count`` pictures of random people, or of those at ``person``; ``neutral`` in plain clothes in the studio."""
        scene = self._scene(people, count, portrait, person)
        if neutral:
            scene["role"] = torch.full_like(scene["role"], words.PLAIN)
            scene["setting"] = torch.full_like(scene["setting"], words.STUDIO)
        video, pose = self._render(people, scene, 1, portrait)
        video, noise = self._decode(video) if decoded else (video, scene["noise"])
        return _as_frames(people, scene | {"noise": noise}, video, pose, portrait)

    @torch.no_grad()
    def clips(
        self, count: int, chunk: int, decoded: float = 0.5, face_open: bool | None = None
    ) -> tuple[Clips, People]:
        """``count`` clips, each of a person of its own; a share ``decoded`` went through the VAE."""
        people = self.people(count)
        parts: list[Clips] = []
        for start in range(0, count, chunk):
            index = torch.arange(start, min(start + chunk, count), device=self.device)
            scene = self._scene(people, len(index), False, index)
            if face_open is not None:
                scene["face_open"] = torch.full_like(scene["face_open"], face_open)
            video, pose = self._render(people, scene, CLIP_FRAMES, False)
            if start < decoded * count:
                video, _ = self._decode(video)
            named = {k: scene[k] for k in ("role", "setting", "action", "face_open")}
            place = {k: pose[f"head_{k}"] for k in ("x", "y", "size")}
            parts.append(Clips(video=to_bytes(video).transpose(1, 2), **named, **place))
        columns = {f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Clips)}
        return Clips(**columns), people

    def _scene(self, people: People, n: int, portrait: bool, person: Tensor | None) -> People:
        integer = self._integer
        role, setting = integer(10, n), integer(6, n)
        face_open = (self._chance(OPEN_SHARE, n)) | (role < words.FIRST_HIDING_ROLE)
        if portrait:
            role = torch.where(self._chance(0.6, n), words.PLAIN, role)
            setting = torch.where(self._chance(0.6, n), words.STUDIO, setting)
            face_open = torch.ones_like(face_open)
        person = integer(len(people["age"]), n) if person is None else person
        noise = torch.full((n,), -1.0, device=self.device)
        scene = {"person": person, "role": role, "setting": setting, "action": integer(6, n)}
        return scene | {"face_open": face_open, "noise": noise}

    def _render(
        self, people: People, scene: People, frames: int, portrait: bool
    ) -> tuple[Tensor, Pose]:
        return sample_clips(
            self.world,
            select(people, scene["person"]),
            frames,
            scene["role"],
            scene["setting"],
            scene["action"],
            scene["face_open"].float(),
            portrait=portrait,
            generator=self.generator,
        )

    def _decode(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """A round trip through the VAE with noise on the latents; its strength in [0, 1] per row (-1 without a codec)."""
        n = len(video)
        if self.codec is None:
            return video, torch.full((n,), -1.0, device=self.device)
        latents = self.codec.encode(video)
        strength = torch.rand(n, device=self.device, generator=self.generator)
        noise = torch.randn(latents.shape, device=self.device, generator=self.generator)
        latents = latents + MAX_LATENT_NOISE * strength.view(n, 1, 1, 1, 1) * noise
        return self.codec.decode(latents).clamp(-1, 1), strength

    def _cut_clips(self, people: People, count: int) -> Frames:
        scene = self._scene(people, count, False, None)
        video, pose = self._render(people, scene, CLIP_FRAMES, False)
        video, noise = self._decode(video)
        order = torch.randperm(CLIP_FRAMES, device=self.device, generator=self.generator)
        kept = order[:FRAMES_OF_A_CLIP]
        scene = {k: v.repeat_interleave(len(kept)) for k, v in (scene | {"noise": noise}).items()}
        pictures = video[:, :, kept].transpose(1, 2).flatten(0, 1)[:, :, None]
        pose = {k: v[:, kept].reshape(-1, 1) for k, v in pose.items()}
        return _as_frames(people, scene, pictures, pose, False)

    def _integer(self, high: int, n: int) -> Tensor:
        return torch.randint(0, high, (n,), device=self.device, generator=self.generator)

    def _chance(self, probability: float, n: int) -> Tensor:
        return torch.rand(n, device=self.device, generator=self.generator) < probability


def _as_frames(people: People, scene: People, video: Tensor, pose: Pose, portrait: bool) -> Frames:
    return Frames(
        people=people,
        pictures=to_bytes(video[:, :, 0]),
        portrait=torch.full_like(scene["face_open"], portrait),
        x=pose["head_x"][:, 0],
        y=pose["head_y"][:, 0],
        size=pose["head_size"][:, 0],
        **scene,
    )

"""What the teacher makes of noise: its states at the noise levels of the student, with text guidance, and what it was given."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from diffusers import WanVACETransformer3DModel
from torch import Tensor
from transformers import UMT5EncoderModel

from tpige_kedro.mini.training.batches import control_of
from tpige_kedro.mini.training.codec import LatentCodec
from tpige_kedro.mini.training.flow import SHIFT, Velocity
from tpige_kedro.mini.training.pool import held_out, to_bytes, to_floats
from tpige_kedro.mini.training.recipe import Recipe
from tpige_kedro.mini.training.text import TEXT_LENGTH, TextStates, build_tokenizer, tokenize
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.captions import attributes_of, caption, thin_out
from tpige_kedro.mini.world.clips import sample_clips
from tpige_kedro.mini.world.people import sample_people
from tpige_kedro.mini.world.renderer import World

MOST_STEPS = (
    8  # of the student; states are kept at their levels, of which those of 4 steps are every second
)


def noise_levels(steps: int, shift: float = SHIFT) -> list[float]:
    """The noise levels of ``steps`` Euler steps, from 1 to 0: evenly spaced, then shifted, as the sampler ``euler`` has them.

    >>> [round(level, 3) for level in noise_levels(4, shift=5.0)]
    [1.0, 0.938, 0.833, 0.625, 0.0]
    """
    even = [1 - i / steps for i in range(steps + 1)]
    return [shift * s / (1 + (shift - 1) * s) for s in even]


@dataclass
class Given:
    """What the generator is given for n clips: references (n, 16, 1, h, w) and text (n, L, D); of nothing: gray and no_text."""

    references: Tensor
    text: Tensor
    gray: Tensor
    no_text: Tensor

    def control(self, index: Tensor) -> Tensor:
        """The control tensors of some clips."""
        return control_of(self.gray, self.references[index].float(), len(index))


@dataclass
class Trajectories:
    """states (n, 9, 16, 1 + f, h, w): noise, the teacher's state at each level of eight steps, its clip; and what was given."""

    states: Tensor
    given: Given


@torch.no_grad()
def draw_given(recipe: Recipe, vace: Path, device: torch.device, seed: int) -> Given:
    """References and captions of people of their own, encoded; no held-out combination is asked for."""
    codec = LatentCodec(vace / "vae", device)
    encoder = UMT5EncoderModel.from_pretrained(vace / "text_encoder", dtype=torch.float32)
    states, tokenizer = TextStates(encoder.to(device).eval()), build_tokenizer()
    generator = torch.Generator(device=device).manual_seed(seed)
    world, rng = World(device=device), random.Random(seed)
    references, texts = [], []
    for start in range(0, recipe.distilled_clips, 4 * recipe.render_batch):
        n = min(4 * recipe.render_batch, recipe.distilled_clips - start)
        pictures, captions = _draw(world, recipe, n, generator, rng)
        references.append(codec.encode(to_floats(to_bytes(pictures))[:, :, None]).bfloat16())
        texts += captions
    tokens = tokenize(tokenizer, [*texts, ""]).to(device)
    text = torch.cat([states(part).bfloat16() for part in tokens.split(1024)])
    size = world.size
    blank = torch.zeros(1, 3, recipe.frames, size, size, device=device)
    return Given(torch.cat(references), text[:-1], codec.encode(blank), text[-1:])


def _draw(
    world: World, recipe: Recipe, n: int, generator: torch.Generator, rng: random.Random
) -> tuple[Tensor, list[str]]:
    """Reference pictures (n, 3, S, S), some in attire as reference enhancement leaves them, and captions, most with a clause."""
    device = world.device

    def integer(count: int) -> Tensor:
        return torch.randint(0, count, (n,), device=device, generator=generator)

    def chance(probability: float) -> Tensor:
        return torch.rand(n, device=device, generator=generator) < probability

    people = sample_people(n, generator, device)
    role, action = integer(len(words.ROLE_NAMES)), integer(len(words.ACTION_TEXTS))
    setting = integer(len(words.SETTING_TEXTS))
    setting = torch.where(held_out(role, setting, people), (setting + 1) % 6, setting)
    in_attire = chance(recipe.share_attire_reference)
    pictures, _ = sample_clips(
        world,
        people,
        1,
        torch.where(in_attire, role, words.PLAIN),
        torch.where(in_attire & chance(0.5), integer(6), words.STUDIO),
        action,
        torch.ones(n, device=device),
        portrait=True,
        generator=generator,
    )
    columns = {name: values.tolist() for name, values in people.items()}
    scene = zip(role.tolist(), setting.tolist(), action.tolist(), strict=True)
    has_clause = chance(recipe.distilled_share_clause).tolist()
    texts = []
    for i, (of_role, of_setting, of_action) in enumerate(scene):
        attributes = None
        if has_clause[i]:
            person = {name: values[i] for name, values in columns.items()}
            attributes = thin_out(attributes_of(person), rng.choice([1.0, 1.0, 0.8]), rng)
        texts.append(caption(of_role, of_setting, of_action, attributes, rng))
    return pictures[:, :, 0], texts


class Teacher:
    """The shipped transformer with text guidance, sampled by a second-order multistep method through given levels."""

    def __init__(self, transformer: WanVACETransformer3DModel, recipe: Recipe) -> None:
        self._velocity = Velocity(transformer, with_control=True)
        self._scale = 1 + recipe.teacher_text_weight
        self._substeps = recipe.teacher_substeps
        self._hints = len(transformer.config.vace_layers)

    def guided(
        self, x: Tensor, level: float, text: Tensor, no_text: Tensor, control: Tensor
    ) -> Tensor:
        """u + (1 + W_c)(c - u), both branches in one batch."""
        n = len(x)
        if self._scale == 1:
            return self._forward(x, level, text, control)
        both = torch.cat([text, no_text.expand(n, -1, -1)])
        c, u = self._forward(
            x.repeat(2, 1, 1, 1, 1), level, both, control.repeat(2, 1, 1, 1, 1)
        ).chunk(2)
        return u + self._scale * (c - u)

    def _forward(self, x: Tensor, level: float, text: Tensor, control: Tensor) -> Tensor:
        timestep = torch.full((len(x),), 1000 * level, device=x.device)
        velocity: Tensor = self._velocity(
            x, timestep, text, control, torch.ones(self._hints, device=x.device)
        )
        return velocity

    @torch.no_grad()
    def states(self, noise: Tensor, text: Tensor, no_text: Tensor, control: Tensor) -> Tensor:
        """From noise (n, 16, F, h, w) to the states at the levels of eight steps: (n, 9, 16, F, h, w).

        Adams-Bashforth of second order with ``teacher_substeps`` steps between two levels, the first step of Euler.
        """
        levels = noise_levels(MOST_STEPS * self._substeps)
        x, states, before, width = noise, [noise], None, 0.0
        for i, (now, then) in enumerate(pairwise(levels)):
            velocity = self.guided(x, now, text, no_text, control)
            step = then - now
            slope = 0 if before is None else step / (2 * width) * (velocity - before)
            x = x + step * (velocity + slope)
            before, width = velocity, step
            if (i + 1) % self._substeps == 0:
                states.append(x)
        return torch.stack(states, 1)


def make_trajectories(
    teacher: Teacher, given: Given, recipe: Recipe, generator: torch.Generator, seconds: float
) -> Trajectories:
    """The teacher's states for everything that is given, or for as much as it makes in ``seconds``."""
    end, device = time.perf_counter() + seconds, given.references.device
    cells, frames = given.gray.shape[-1], given.gray.shape[2] + 1
    parts: list[Tensor] = []
    for index in torch.arange(len(given.references), device=device).split(recipe.teacher_batch):
        noise = torch.randn(
            len(index), 16, frames, cells, cells, device=device, generator=generator
        )
        text, no_text = given.text[index].float(), given.no_text.float()
        parts.append(
            teacher.states(noise, text, no_text, given.control(index)).to(_kept_as(device))
        )
        if device.type == "cuda":
            torch.cuda.synchronize()
        if time.perf_counter() > end:
            break
    states = torch.cat(parts)
    n = len(states)
    return Trajectories(
        states, Given(given.references[:n], given.text[:n], given.gray, given.no_text)
    )


def _kept_as(device: torch.device) -> torch.dtype:
    return torch.float16 if device.type == "cuda" else torch.float32


def of_steps(states: Tensor, steps: int) -> Tensor:
    """The states that ``steps`` steps pass through, the noise left out: (n, steps, …)."""
    stride = MOST_STEPS // steps
    return states[:, stride::stride]


def example_of(given: Given, n: int) -> Sequence[Tensor]:
    """Noise, text and control of n clips, for capturing a graph."""
    device, cells = given.gray.device, given.gray.shape[-1]
    noise = torch.randn(n, 16, given.gray.shape[2] + 1, cells, cells, device=device)
    text = torch.randn(n, TEXT_LENGTH, given.text.shape[-1], device=device)
    return noise, text, torch.randn(n, 96, *noise.shape[2:], device=device)

"""Distils VACE into a LoRA for four and eight steps without text guidance.

The student is the frozen transformer with the LoRA. From the same noise, text and reference as the teacher it makes 4 (or 8) Euler steps,
and each of its states is pulled to the teacher's at that noise level, with gradients through all steps. So one training distils the
guidance and the steps, and the student meets its own states, never the teacher's.
"""

from __future__ import annotations

import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from diffusers import WanVACETransformer3DModel
from torch import Tensor, nn
from torch.func import functional_call

from tpige_kedro.mini.training.batches import REFERENCE_SLOT_WEIGHT
from tpige_kedro.mini.training.flow import Velocity
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.training.lora import TrainedLora
from tpige_kedro.mini.training.optim import Optimiser, cuda_graph
from tpige_kedro.mini.training.recipe import Recipe
from tpige_kedro.mini.training.trajectories import (
    MOST_STEPS,
    Teacher,
    Trajectories,
    draw_given,
    example_of,
    make_trajectories,
    noise_levels,
    of_steps,
)

STEPS = (4, 8)
HUBER = 0.1  # differences of normalised latents above it count linearly
PACE_STEPS = 20  # after which the pace is known
SAVE_SECONDS = 30.0
TEACHER_SHARE = 0.35  # of the minutes, at most
MEASURING_SECONDS = 4.0  # kept of the minutes for what comes after the last step


class Rollout(nn.Module):
    """The Euler steps of the student: noise (n, 16, F, h, w) to its states after each step (n, steps, 16, F, h, w)."""

    def __init__(self, transformer: Any, lora: TrainedLora, steps: int) -> None:
        super().__init__()
        self.velocity, self.lora, self.levels = (
            Velocity(transformer, with_control=True),
            lora,
            noise_levels(steps),
        )
        self._hints = len(transformer.config.vace_layers)

    def forward(self, noise: Tensor, text: Tensor, control: Tensor) -> Tensor:
        """Text (n, L, D), control (n, 96, F, h, w)."""
        weights = {f"transformer.{name}": w for name, w in self.lora.merged().items()}
        hints = torch.ones(self._hints, device=noise.device)
        x, states = noise, []
        for now, then in pairwise(self.levels):
            timestep = torch.full((len(x),), 1000 * now, device=x.device)
            inputs = (x, timestep, text, control, hints)
            x = x + (then - now) * functional_call(self.velocity, weights, inputs)
            states.append(x)
        return torch.stack(states, 1)


def distance(states: Tensor, wanted: Tensor) -> Tensor:
    """Pseudo-Huber distance of states (n, steps, 16, F, h, w), the reference's own frame counting less."""
    off = torch.sqrt((states - wanted) ** 2 + HUBER**2) - HUBER
    return off[:, :, :, 1:].mean() + REFERENCE_SLOT_WEIGHT / off.shape[3] * off[:, :, :, :1].mean()


class Distillation:
    """Trajectories of the teacher, the student's rollouts, and a few clips kept apart to measure with."""

    def __init__(
        self,
        transformer: WanVACETransformer3DModel,
        trajectories: Trajectories,
        recipe: Recipe,
    ) -> None:
        self.trajectories, self.recipe = trajectories, recipe
        self.lora = TrainedLora(transformer, recipe.lora_rank)
        self.unseen = min(recipe.distilled_unseen, len(trajectories.states) // 4)
        self.batch = {steps: max(1, recipe.distilled_batch * 4 // steps) for steps in STEPS}
        self._plain = {steps: Rollout(transformer, self.lora, steps) for steps in STEPS}
        given = trajectories.given
        self._forward = {  # modules of their own: capturing changes a module
            steps: cuda_graph(
                Rollout(transformer, self.lora, steps), *example_of(given, self.batch[steps])
            )
            for steps in STEPS
        }

    def loss(self, steps: int) -> Tensor:
        """The loss of random clips."""
        device = self.trajectories.states.device
        count = len(self.trajectories.states)
        index = torch.randint(self.unseen, count, (self.batch[steps],), device=device)
        noise, text, control, wanted = self._items(index, steps)
        return distance(self._forward[steps](noise, text, control), wanted)

    @torch.no_grad()
    def error(self, steps: int) -> float:
        """Of clips not trained on: the squared difference of the last latents to the teacher's, relative to their variance."""
        device, parts, power = self.trajectories.states.device, [], []
        for index in torch.arange(self.unseen, device=device).split(self.batch[steps]):
            noise, text, control, wanted = self._items(index, steps)
            made = self._plain[steps](noise, text, control)[:, -1, :, 1:]
            parts.append((made - wanted[:, -1, :, 1:]).square().flatten(1).mean(1))
            power.append(wanted[:, -1, :, 1:].flatten(1).var(1))
        return float(torch.cat(parts).mean() / torch.cat(power).mean())

    def _items(self, index: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        given, states = self.trajectories.given, self.trajectories.states[index].float()
        text = given.text[index].float()
        return states[:, 0], text, given.control(index), of_steps(states, steps)


def distil(
    vace: Path, recipe: Recipe, folder: Path, log: TrainingLog, device: torch.device
) -> None:
    """Make the teacher's trajectories, train the LoRA and write it to ``folder``, again and again while it is trained."""
    began = time.perf_counter()
    seconds = 60 * recipe.distilled_minutes or math.inf
    torch.manual_seed(recipe.seed + 5)
    transformer = WanVACETransformer3DModel.from_pretrained(
        vace / "transformer", torch_dtype=torch.float32
    )
    transformer.to(device).eval().requires_grad_(False)
    given = draw_given(recipe, vace, device, seed=4000 + recipe.seed)
    log.write(event="given", clips=len(given.references))
    generator = torch.Generator(device=device).manual_seed(5000 + recipe.seed)
    trajectories = make_trajectories(
        Teacher(transformer, recipe), given, recipe, generator, TEACHER_SHARE * seconds
    )
    log.write(event="trajectories", trajectories=len(trajectories.states))
    task = Distillation(transformer, trajectories, recipe)
    count = sum(p.numel() for p in task.lora.factors)
    before = {f"error_{steps}_before": round(task.error(steps), 4) for steps in STEPS}
    log.write(
        event="ready",
        parameters=count,
        rank=recipe.lora_rank,
        text_weight=recipe.teacher_text_weight,
        teacher_steps=MOST_STEPS * recipe.teacher_substeps,
        **before,
    )
    train(task, recipe, folder, log, end=began + seconds - MEASURING_SECONDS)
    after = {f"error_{steps}": round(task.error(steps), 4) for steps in STEPS}
    log.write(event="measured", **after)


def train(
    task: Distillation, recipe: Recipe, folder: Path, log: TrainingLog, end: float = math.inf
) -> None:
    """``recipe.distilled_steps`` steps, or as many as end in time; an eighth of the steps at a time is logged."""
    optimiser = Optimiser(
        {str(i): p for i, p in enumerate(task.lora.factors)},
        is_matrix=lambda name, parameter: False,
        steps=recipe.distilled_steps,
        muon_lr=0.0,
        adam_lr=recipe.distilled_lr,
        warm_up=20,
        clip=1.0,
        decay=recipe.distilled_decay,
    )
    draws = torch.rand(
        recipe.distilled_steps, generator=torch.Generator().manual_seed(recipe.seed)
    ).tolist()
    running: list[Tensor] = []
    start = saved = time.perf_counter()
    step = 0
    while step < optimiser.steps:
        loss = task.loss(8 if draws[step] < recipe.share_eight_steps else 4)
        optimiser.step(loss)
        running.append(loss.detach())
        step += 1
        if step == PACE_STEPS and end < math.inf:
            running[-1].item()  # waits for the device
            pace = (time.perf_counter() - start) / step
            optimiser.steps = min(optimiser.steps, max(step, int((end - start) / pace)))
            log.write(event="pace", steps=optimiser.steps, seconds_a_step=round(pace, 4))
        if step % max(1, recipe.distilled_steps // 16) == 0 or step == optimiser.steps:
            log.write_loss(step, torch.stack(running).mean())
            running = []
        if time.perf_counter() - saved > SAVE_SECONDS:
            task.lora.save(folder, optimiser.averaged())
            saved = time.perf_counter()
    optimiser.finish()
    task.lora.save(folder, task.lora.factors)

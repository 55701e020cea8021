"""One training loop for all stages: AdamW, warm-up and cosine, clipping, a line in the log now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tpige_kedro.mini.networks.checkpoint import Network
from tpige_kedro.mini.training.log import TrainingLog

Losses = dict[str, Tensor]
LOG_LINES = 20  # per stage
WARM_UP = 100


@dataclass(frozen=True)
class Course:
    """How long and how fast: ``steps`` updates, learning rate ``rate`` at its peak."""

    steps: int
    rate: float = 2e-3
    weight_decay: float = 1e-3


def on_device(network: Network, device: torch.device) -> Network:
    """Ready to train: on the device, kernels in the layout that its convolutions like."""
    network.to(device).train()
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 on the GPU, float32 on the CPU."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def train(
    networks: Iterable[nn.Module],
    losses_at: Callable[[float], Losses],
    course: Course,
    log: TrainingLog,
) -> None:
    """Minimise the sum of what ``losses_at(progress in [0, 1))`` returns; it draws its own batch."""
    parameters = [p for network in networks for p in network.parameters()]
    device = parameters[0].device
    optimiser = torch.optim.AdamW(
        parameters, lr=course.rate, weight_decay=course.weight_decay, fused=device.type == "cuda"
    )
    every = max(1, course.steps // LOG_LINES)
    start = time.perf_counter()
    for step in range(course.steps):
        for group in optimiser.param_groups:
            group["lr"] = course.rate * learning_rate(step, course.steps)
        losses = losses_at(step / course.steps)
        loss = torch.stack([value.float() for value in losses.values()]).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        if (step + 1) % every == 0 or step + 1 == course.steps:
            numbers = {name: round(value.item(), 5) for name, value in losses.items()}
            pace = (time.perf_counter() - start) / (step + 1)
            log.write(step=step + 1, milliseconds_per_step=round(1000 * pace, 2), **numbers)
    for network in networks:
        network.eval()


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to 1 %; as a share of the peak."""
    warm_up = min(WARM_UP, max(1, steps // 5))
    return min(1.0, (step + 1) / warm_up) * (0.01 + 0.495 * (1 + math.cos(math.pi * step / steps)))


def draw(count: int, batch: int, device: torch.device) -> Tensor:
    """``batch`` random rows of ``count``."""
    return torch.randint(0, count, (batch,), device=device)

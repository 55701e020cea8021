"""Muon for matrices, AdamW for the rest, one learning-rate schedule, clipping and an average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Muon:
    """Momentum whose update is orthogonalised by five Newton-Schulz steps (Jordan et al. 2024).

    Matrices of one shape are stepped together; kernels count as matrices (out, in * taps).
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], lr: float, momentum: float = 0.95
    ) -> None:
        self.lr, self.momentum = lr, momentum
        groups: dict[tuple[int, int], list[nn.Parameter]] = {}
        for parameter in parameters:
            groups.setdefault((parameter.shape[0], parameter[0].numel()), []).append(parameter)
        self._groups = [
            (members, torch.zeros(len(members), *shape, device=members[0].device))
            for shape, members in groups.items()
        ]

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """One update with the learning rate ``lr * scale``."""
        for members, velocity in self._groups:
            rows, columns = velocity.shape[1:]
            gradient = torch.stack([_gradient(p).reshape(rows, columns).float() for p in members])
            velocity.mul_(self.momentum).add_(gradient)
            update = _orthogonalise(gradient.add_(velocity, alpha=self.momentum))
            update.mul_(self.lr * scale * math.sqrt(max(1.0, rows / columns)))
            torch._foreach_sub_(
                [p.data for p in members],
                [u.reshape(p.shape) for u, p in zip(update, members, strict=True)],
            )


def _gradient(parameter: nn.Parameter) -> Tensor:
    return parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)


def _orthogonalise(update: Tensor) -> Tensor:
    g = update.bfloat16() if update.is_cuda else update
    tall = g.shape[1] > g.shape[2]
    if tall:
        g = g.transpose(1, 2)
    g = g / (g.float().flatten(1).norm(dim=1)[:, None, None] + 1e-7).to(g.dtype)
    for _ in range(5):
        a = g @ g.transpose(1, 2)
        g = 3.4445 * g + (-4.7750 * a + 2.0315 * (a @ a)) @ g
    orthogonal: Tensor = (g.transpose(1, 2) if tall else g).float()
    return orthogonal


class Average:
    """An exponential moving average of parameters, quick to follow at the start."""

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._live = list(parameters)
        self._mean = [p.detach().clone() for p in self._live]
        self._decay, self._count = decay, 0

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the live weights."""
        self._count += 1
        decay = min(self._decay, (1 + self._count) / (10 + self._count))
        torch._foreach_lerp_(self._mean, [p.detach() for p in self._live], 1 - decay)

    def values(self) -> list[Tensor]:
        """The average of each parameter."""
        return self._mean

    @torch.no_grad()
    def apply(self) -> None:
        """Copy the average into the live weights."""
        for live, mean in zip(self._live, self._mean, strict=True):
            live.copy_(mean)


class Optimiser:
    """Everything that happens between a loss and the next step."""

    def __init__(
        self,
        parameters: dict[str, nn.Parameter],
        is_matrix: Callable[[str, nn.Parameter], bool],
        steps: int,
        muon_lr: float,
        adam_lr: float,
        warm_up: int,
        clip: float,
        decay: float = 0.998,
        adam_betas: tuple[float, float] = (0.9, 0.97),
    ) -> None:
        self.parameters = list(parameters.values())
        matrices = [p for name, p in parameters.items() if is_matrix(name, p)]
        chosen = {id(p) for p in matrices}
        others = [p for p in self.parameters if id(p) not in chosen]
        self._muon = Muon(matrices, muon_lr) if matrices else None
        self._adam = torch.optim.AdamW(
            others, lr=adam_lr, betas=adam_betas, weight_decay=0.0, fused=self.parameters[0].is_cuda
        )
        self._average = Average(self.parameters, decay)
        self.steps, self._warm_up, self._clip, self._adam_lr = (
            steps,
            min(warm_up, max(1, steps // 4)),
            clip,
            adam_lr,
        )
        self.count = 0

    def step(self, loss: Tensor) -> None:
        """Back-propagate, clip, update and forget the gradients."""
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self._clip)
        scale = self._schedule()
        for group in self._adam.param_groups:
            group["lr"] = self._adam_lr * scale
        self._adam.step()
        if self._muon:
            self._muon.step(scale)
        for parameter in self.parameters:
            parameter.grad = None
        self._average.update()
        self.count += 1

    def averaged(self) -> list[Tensor]:
        """The average of each parameter so far."""
        return self._average.values()

    def finish(self) -> None:
        """Leave the averaged weights in the model."""
        self._average.apply()

    def _schedule(self) -> float:
        progress = self.count / self.steps
        cosine = 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * progress))
        return min(1.0, (self.count + 1) / self._warm_up) * cosine


def cuda_graph(module: nn.Module, *examples: Tensor) -> Callable[..., Any]:
    """``module`` captured as CUDA graphs for these shapes; on the CPU the module itself."""
    if not examples[0].is_cuda:
        return module
    return torch.cuda.make_graphed_callables(module, tuple(examples), allow_unused_input=True)

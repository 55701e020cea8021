from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tpige_kedro.mini.training.optim import Average, Muon, Optimiser, cuda_graph


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))))


@pytest.mark.parametrize("shape", [(24, 32), (16, 48), (48, 16)])
def test_an_update_of_muon_is_orthogonal_and_points_down_the_gradient(
    shape: tuple[int, int],
) -> None:
    weight = parameter(*shape)
    before, gradient = weight.detach().clone(), torch.randn(shape)
    weight.grad = gradient.clone()
    Muon([weight], lr=0.1).step(scale=0.5)
    update = (before - weight.detach()) / (0.1 * 0.5 * math.sqrt(max(1, shape[0] / shape[1])))
    singular = torch.linalg.svdvals(update)
    assert singular.min() > 0.6 and singular.max() < 1.3
    assert (update * gradient).sum() > 0
    u, _, v = torch.linalg.svd(gradient, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(update.flatten(), (u @ v).flatten(), dim=0) > 0.95


def test_muon_keeps_momentum_and_treats_kernels_as_matrices() -> None:
    kernel, other, idle = parameter(8, 4, 3, 3), parameter(8, 4, 3, 3), parameter(8, 36)
    kept = idle.detach().clone()
    muon = Muon([kernel, other, idle], lr=0.1)
    kernel.grad, other.grad = torch.randn(8, 4, 3, 3), torch.zeros(8, 4, 3, 3)
    still = other.detach().clone()
    muon.step(1.0)
    moved = kernel.detach().clone()
    kernel.grad = None
    muon.step(1.0)
    assert not torch.equal(kernel, moved), "momentum carries on without a gradient"
    assert torch.equal(other, still) and torch.equal(idle, kept)


@pytest.mark.parametrize(("steps", "lag"), [(3, 0.4), (199, 9.0)])
def test_the_average_is_quick_at_first_and_slow_later(steps: int, lag: float) -> None:
    weight = nn.Parameter(torch.zeros(1))
    average = Average([weight], decay=0.9)
    expected = 0.0
    for count in range(1, steps + 1):
        weight.data.fill_(float(count))
        average.update()
        decay = min(0.9, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * count
    average.apply()
    assert weight.item() == pytest.approx(expected, rel=1e-4)
    assert steps - expected == pytest.approx(lag, rel=0.2)


def make(model: nn.Module, steps: int = 60, **options: float) -> Optimiser:
    return Optimiser(
        dict(model.named_parameters()),
        is_matrix=lambda _, p: p.ndim == 2,
        steps=steps,
        muon_lr=0.02,
        adam_lr=0.02,
        warm_up=10,
        clip=1.0,
        **options,
    )


def test_the_optimiser_learns_and_leaves_the_averaged_weights() -> None:
    torch.manual_seed(0)
    model, target = nn.Linear(8, 8), nn.Linear(8, 8)
    optimiser, x = make(model, steps=200, decay=0.9), torch.randn(64, 8)

    def loss() -> torch.Tensor:
        return ((model(x) - target(x).detach()) ** 2).mean()

    first = loss().item()
    for _ in range(200):
        optimiser.step(loss())
    assert all(p.grad is None for p in model.parameters()) and optimiser.count == 200
    last = model.weight.detach().clone()
    optimiser.finish()
    assert not torch.equal(model.weight, last)
    assert loss().item() < 0.1 * first


def test_the_learning_rate_warms_up_and_falls_like_a_cosine() -> None:
    optimiser = make(nn.Linear(4, 4), steps=100)
    rates = []
    for count in range(100):
        optimiser.count = count
        rates.append(optimiser._schedule())
    assert rates[0] == pytest.approx(0.1, abs=0.01) and max(rates) == rates[9] > 0.97
    assert rates[50] == pytest.approx(0.51, abs=0.01) and rates[-1] == pytest.approx(0.02, abs=0.01)
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_a_huge_gradient_is_clipped() -> None:
    model = nn.Linear(4, 4)
    seen: list[float] = []
    optimiser = make(model)
    step = optimiser._muon.step  # type: ignore[union-attr]

    def spy(scale: float) -> None:
        gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        seen.append(torch.cat(gradients).norm().item())
        step(scale)

    optimiser._muon.step = spy  # type: ignore[union-attr,method-assign]
    optimiser.step(1e6 * model(torch.ones(1, 4)).sum())
    assert seen[0] == pytest.approx(1.0, rel=1e-3)


def test_without_a_gpu_there_is_no_graph() -> None:
    model = nn.Linear(2, 2)
    assert cuda_graph(model, torch.ones(1, 2)) is model

"""The LoRA for few steps: the student samples as the product does, the teacher's method is exact where it should be, training helps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers import WanVACETransformer3DModel
from PIL import Image
from torch import Tensor, nn

from tpige_kedro.mini.training import distilled as training
from tpige_kedro.mini.training.distilled import STEPS, Distillation, Rollout, distance, train
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.training.lora import FILE, TrainedLora, adapted_layers
from tpige_kedro.mini.training.recipe import TINY, make_recipe
from tpige_kedro.mini.training.trajectories import (
    MOST_STEPS,
    Given,
    Teacher,
    draw_given,
    make_trajectories,
    noise_levels,
    of_steps,
)
from tpige_kedro.mini.training.vace import build_scheduler
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.loras.merging import merge_loras
from tpige_kedro.video_generators.loras.settings import Lora
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan_timesteps import sampler, start_sigmas
from tpige_kedro.video_generators.wan_vace import WanVace

CPU = torch.device("cpu")


def small_vace() -> WanVACETransformer3DModel:
    torch.manual_seed(0)
    transformer = WanVACETransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        text_dim=8,
        freq_dim=16,
        ffn_dim=32,
        num_layers=2,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=16,
        vace_layers=[0],
        vace_in_channels=96,
    )
    return transformer.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def given() -> Given:
    generator = torch.Generator().manual_seed(1)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return Given(
        noise(8, 16, 1, 2, 2), noise(8, 64, 8), noise(1, 16, 1, 2, 2), torch.zeros(1, 64, 8)
    )


def random_lora(transformer: nn.Module, rank: int = 2) -> TrainedLora:
    torch.manual_seed(3)
    lora = TrainedLora(transformer, rank)
    for up in lora.up:
        nn.init.normal_(up, std=0.02)
    return lora


@pytest.mark.parametrize("steps", STEPS)
def test_the_students_levels_are_those_of_the_sampler(steps: int) -> None:
    scheduler = sampler(build_scheduler(), "euler", None)
    scheduler.set_timesteps(sigmas=start_sigmas("euler", "diffusers", steps))
    assert scheduler.sigmas.tolist() == pytest.approx(noise_levels(steps), abs=1e-6)
    assert noise_levels(MOST_STEPS)[:: MOST_STEPS // steps] == pytest.approx(noise_levels(steps))


def test_an_untrained_lora_changes_nothing_and_a_file_loads_as_it_was_trained(
    tmp_path: Path,
) -> None:
    transformer = small_vace()
    fresh = TrainedLora(transformer, 2)
    assert all(
        torch.equal(value, transformer.get_parameter(name))
        for name, value in fresh.merged().items()
    )
    lora = random_lora(transformer)
    lora.save(tmp_path, lora.factors)
    assert [f.name for f in tmp_path.iterdir()] == [FILE]
    loaded = small_vace()
    merge_loras(loaded, [Lora(source=str(tmp_path / FILE))])
    changed = lora.merged()
    assert {name.removesuffix(".weight") for name in changed} == set(adapted_layers(transformer))
    for name, before in transformer.named_parameters():
        after, wanted = loaded.get_parameter(name), changed.get(name, before)
        assert torch.allclose(after, wanted, atol=2e-4), name
        assert (name in changed) == (not torch.equal(after, before)), name


def test_the_student_samples_as_the_generator_does(
    shipped: Callable[[str], str], tmp_path: Path
) -> None:
    """Noise, levels, timesteps, control and step: what is trained is what `sampler: euler` with the LoRA runs."""
    source, picture = shipped("vace"), Image.new("RGB", (80, 80), "tan")
    transformer = WanVACETransformer3DModel.from_pretrained(
        f"{source}/transformer", torch_dtype=torch.float32
    )
    lora = random_lora(transformer)
    lora.save(tmp_path, lora.factors)
    generator = WanVace(
        source, device="cpu", dtype="float32", height=80, width=80, num_frames=1, steps=4,
        sampler="euler", max_sequence_length=64, loras=({"source": str(tmp_path / FILE)},),
    )  # fmt: skip
    guidance, request = (
        Guidance(text_weight=0.0),
        ClipRequest("a", "A video of a chef.", (picture,), 5),
    )
    generator.text.prepare([generator.negative_prompt, request.prompt])
    conditions = generator.conditions(request, guidance)
    _, latents = generator.sample([request], [conditions], guidance, generator.guider(guidance))
    noise = torch.randn(1, 16, 2, 10, 10, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        states = Rollout(transformer, lora, 4)(
            noise, generator.text[request.prompt], conditions["control"]
        )
    assert (latents - states[:, -1, :, -latents.shape[2] :]).abs().max() < 5e-3 * latents.std()


class Straight(nn.Module):
    """Predicts the velocity of a straight path to ``goal``, scaled by what the text says."""

    def __init__(self, goal: Tensor) -> None:
        super().__init__()
        self.goal, self.config, self.calls = goal, SimpleNamespace(vace_layers=[0]), 0

    def forward(
        self, hidden_states: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, **_: object
    ) -> tuple[Tensor]:
        self.calls += 1
        level = (timestep / 1000).view(-1, 1, 1, 1, 1)
        away = (hidden_states - self.goal) / level
        return (away * encoder_hidden_states.mean((1, 2)).view(-1, 1, 1, 1, 1),)


def test_the_teacher_is_exact_on_straight_paths_and_guides_by_text() -> None:
    goal, noise = torch.randn(1, 16, 3, 4, 4), torch.randn(2, 16, 3, 4, 4)
    recipe, network, one = make_recipe(0, tiny=True), Straight(goal), torch.ones(2, 4, 4)
    teacher, control = Teacher(network, recipe), torch.zeros(2, 96, 3, 4, 4)
    # with c = 2/3 v, u = 1/3 v and W_c = 1, u + 2 (c - u) = v
    states = teacher.states(noise, one * 2 / 3, one[:1] / 3, control)
    for level, state in zip(noise_levels(MOST_STEPS), states.unbind(1), strict=True):
        assert torch.allclose(state, goal + level * (noise - goal), atol=1e-4)
    assert network.calls == MOST_STEPS * recipe.teacher_substeps
    assert torch.equal(of_steps(states, 4), states[:, 2::2])


def distil_small(given: Given, steps: int, folder: Path) -> tuple[list[float], list[float]]:
    """A small distillation: the errors of unseen clips before and after it."""
    recipe = replace(
        make_recipe(0, tiny=True), distilled_steps=steps, distilled_batch=4, distilled_unseen=2,
        lora_rank=4, distilled_lr=1e-2, distilled_decay=0.9, teacher_text_weight=3.0,
    )  # fmt: skip
    transformer = small_vace()
    generator = torch.Generator().manual_seed(0)
    made = make_trajectories(Teacher(transformer, recipe), given, recipe, generator, math.inf)
    task = Distillation(transformer, made, recipe)
    before = [task.error(steps) for steps in STEPS]
    train(task, recipe, folder, TrainingLog(folder / "log.jsonl", "distilled"))
    return before, [task.error(steps) for steps in STEPS]


def test_training_brings_the_student_to_its_teacher(given: Given, tmp_path: Path) -> None:
    before, after = distil_small(given, 12, tmp_path)
    assert all(b < 0.85 * a for a, b in zip(before, after, strict=True)), (before, after)


def test_the_same_seed_gives_the_same_file(given: Given, tmp_path: Path) -> None:
    for name in ("one", "again"):
        distil_small(given, 2, tmp_path / name)
    assert (tmp_path / "one" / FILE).read_bytes() == (tmp_path / "again" / FILE).read_bytes()


def test_a_time_limit_ends_it_early_and_leaves_a_lora(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PACE_STEPS", 2)
    recipe = replace(make_recipe(0, tiny=True), distilled_steps=10_000)
    transformer = small_vace()
    made = make_trajectories(
        Teacher(transformer, recipe), given, recipe, torch.Generator().manual_seed(0), seconds=0.0
    )
    assert len(made.states) == TINY.teacher_batch  # of eight: the first batch
    task = Distillation(transformer, made, recipe)
    train(task, recipe, tmp_path, TrainingLog(tmp_path / "log.jsonl", "distilled"), end=0.0)
    assert (tmp_path / FILE).is_file()
    assert '"event": "pace", "steps": 2,' in (tmp_path / "log.jsonl").read_text()


def test_a_reference_frame_counts_less() -> None:
    states = torch.zeros(1, 1, 16, 3, 2, 2)
    video, reference = states.clone(), states.clone()
    video[:, :, :, 1] = 1
    reference[:, :, :, 0] = 1
    assert 0 < distance(reference, states) < distance(video, states)


def test_what_is_given_is_encoded_and_asks_for_no_held_out_combination(
    shipped: Callable[[str], str],
) -> None:
    recipe = make_recipe(0, tiny=True)
    given = draw_given(recipe, Path(shipped("vace")), CPU, seed=4)
    n = recipe.distilled_clips
    assert given.references.shape == (n, 16, 1, 10, 10) and given.text.shape == (n, 64, 192)
    assert given.gray.shape == (1, 16, 3, 10, 10) and given.no_text.shape == (1, 64, 192)
    assert given.no_text[0, 2:].eq(0).all() and given.text[0, 2].ne(0).any()
    assert given.control(torch.tensor([0, 2])).shape == (2, 96, 4, 10, 10)

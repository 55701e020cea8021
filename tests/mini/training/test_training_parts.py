from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d

from tpige_kedro.errors import ModelError
from tpige_kedro.mini.training.cards import last_values, write_cards
from tpige_kedro.mini.training.codec import LatentCodec
from tpige_kedro.mini.training.flow import add_noise, is_block_matrix, sample_sigmas
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.training.phantom import build_phantom
from tpige_kedro.mini.training.recipe import TINY, Recipe, make_recipe
from tpige_kedro.mini.training.stages import run_stage
from tpige_kedro.mini.training.vae import build_vae, fast_single_frames

CPU = torch.device("cpu")


def convolution(kernel: tuple[int, int, int], **options: object) -> WanCausalConv3d:
    torch.manual_seed(0)
    return WanCausalConv3d(4, 6, kernel, **options)


@pytest.mark.parametrize(
    ("kernel", "options", "frames"),
    [
        ((3, 3, 3), {"padding": 1}, 1),
        ((3, 3, 3), {"padding": 1}, 3),
        ((1, 1, 1), {}, 1),
        ((3, 1, 1), {"padding": (1, 0, 0)}, 1),
        ((3, 1, 1), {"stride": (2, 1, 1)}, 3),
    ],
)
def test_fast_single_frames_change_nothing_but_the_time(
    kernel: tuple[int, int, int], options: dict[str, object], frames: int
) -> None:
    conv, x = convolution(kernel, **options), torch.randn(2, 4, frames, 8, 8)
    inputs = [(x,), (x, torch.randn(2, 4, 2, 8, 8))]
    slow = [conv(*given) for given in inputs]
    with fast_single_frames():
        fast = [conv(*given) for given in inputs]
    for a, b in zip(slow, fast, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_fast_single_frames_takes_the_short_way_and_is_undone_also_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, calls = WanCausalConv3d.forward, []
    monkeypatch.setattr(
        WanCausalConv3d, "forward", lambda *given: (calls.append(1), original(*given))[1]
    )
    before, conv = WanCausalConv3d.forward, convolution((3, 3, 3), padding=1)
    with pytest.raises(RuntimeError, match="stop"), fast_single_frames():
        conv(torch.randn(1, 4, 1, 8, 8))
        assert not calls
        raise RuntimeError("stop")
    assert WanCausalConv3d.forward is before
    conv(torch.randn(1, 4, 1, 8, 8))
    assert calls


def test_a_fresh_autoencoder_treats_frames_alike() -> None:
    """Inflation: a still clip has the latent of its frame in every latent frame."""
    torch.manual_seed(0)
    vae = build_vae().eval()
    frame = torch.rand(1, 3, 1, 32, 32) * 2 - 1
    with torch.no_grad():
        one, many = (vae._encode(frame.expand(-1, -1, t, -1, -1))[:, :16] for t in (1, 5))
    torch.testing.assert_close(many, one.expand_as(many), rtol=1e-3, atol=1e-4)


def test_noise_and_velocity_lead_back_to_the_clean_latents() -> None:
    clean = torch.randn(3, 2, 2, 4, 4)
    sigma = torch.tensor([0.1, 0.5, 0.9])
    noisy, velocity = add_noise(clean, sigma)
    torch.testing.assert_close(noisy - sigma.view(-1, 1, 1, 1, 1) * velocity, clean)


def test_noise_levels_cover_everything_and_lean_to_the_noisy_side() -> None:
    torch.manual_seed(0)
    sigmas = sample_sigmas(4000, CPU)
    assert sigmas.min() > 0 and sigmas.max() < 1
    assert torch.histc(sigmas, 10, 0, 1).min() > 20 and sigmas.mean() > 0.55


def test_muon_gets_the_matrices_of_the_blocks_only() -> None:
    chosen = {n for n, p in build_phantom().named_parameters() if is_block_matrix(n, p)}
    assert "blocks.0.attn1.to_q.weight" in chosen and "blocks.7.ffn.net.2.weight" in chosen
    assert not [n for n in chosen if "embed" in n or "proj_out" in n or not n.startswith("blocks.")]


def test_recipes() -> None:
    assert make_recipe(0) == Recipe() and make_recipe(3).seed == 3
    tenth = make_recipe(0, factor=0.1)
    assert (tenth.clips, tenth.vace_steps, tenth.flow_batch) == (4000, 950, 256)
    assert make_recipe(5, tiny=True).seed == 5 and make_recipe(0, tiny=True) == TINY


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "training.jsonl", "vace")
    log.write_loss(3, torch.tensor(0.123456), kind="clip")
    with pytest.raises(FloatingPointError, match=r"stage vace, step 4: the loss is nan; lower"):
        log.write_loss(4, torch.tensor(float("nan")))
    (event,) = map(json.loads, (tmp_path / "training.jsonl").read_text().splitlines())
    assert event == {
        "stage": "vace", "seconds": event["seconds"], "step": 3, "kind": "clip", "loss": 0.1235,
    }  # fmt: skip


def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere/vae: config\.json is missing; train it with"):
        LatentCodec(tmp_path / "nowhere" / "vae", CPU)
    with pytest.raises(ModelError, match=r"latents\.pt is missing; .*run the stage 'vae' first"):
        run_stage("vace", tmp_path, TINY, CPU)
    with pytest.raises(ModelError, match=r"text_encoder.* is missing; .*run the stage 'vace'"):
        run_stage("phantom", tmp_path, TINY, CPU)
    with pytest.raises(ModelError, match="no finished stage 'vae'; train it first"):
        write_cards(tmp_path, 0, "abc", "a CPU")


def test_a_folder_holds_one_training(tmp_path: Path) -> None:
    (tmp_path / "vae.done").touch()
    assert run_stage("vae", tmp_path, TINY, CPU) is False
    with pytest.raises(ModelError, match=r"begun with another recipe \(seed 0 -> 1\); choose"):
        run_stage("vae", tmp_path, make_recipe(1, tiny=True), CPU)


def test_the_last_numbers_of_a_finished_stage(tmp_path: Path) -> None:
    log = tmp_path / "training.jsonl"
    mine, other = TrainingLog(log, "vae"), TrainingLog(log, "vace")
    mine.write(step=1, loss=2.0)
    other.write(step=9, loss=9.0)
    mine.write(step=2, loss=1.0)
    with pytest.raises(ModelError, match="'vae'"):
        last_values(log, "vae")
    mine.write(event="done")
    values = last_values(log, "vae")
    assert (values["step"], values["loss"]) == (2, 1.0) and "event" not in values

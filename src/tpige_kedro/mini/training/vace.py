"""Trains the text encoder and the VACE transformer: clips from a caption and a reference, with the real control layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import UniPCMultistepScheduler, WanVACETransformer3DModel
from torch import Tensor, nn

from tpige_kedro.mini.training.batches import Batches
from tpige_kedro.mini.training.flow import (
    SHIFT,
    Velocity,
    add_noise,
    is_block_matrix,
    sample_sigmas,
)
from tpige_kedro.mini.training.latents import Latents
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.training.optim import Optimiser, cuda_graph
from tpige_kedro.mini.training.recipe import Recipe
from tpige_kedro.mini.training.text import (
    TEXT_LENGTH,
    WIDTH,
    TextStates,
    build_text_encoder,
    build_tokenizer,
    save_tokenizer,
    tokenize,
)

VACE_LAYERS = [0, 4, 8]
SHARE_STILLS, SHARE_WITHOUT = 0.08, 0.10  # of the steps: single frames, clips without a reference


def build_vace() -> WanVACETransformer3DModel:
    """A fresh transformer: 12 thin layers, so that one skipped block is a small perturbation as in the originals."""
    transformer = WanVACETransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=3,
        attention_head_dim=64,
        in_channels=16,
        out_channels=16,
        text_dim=WIDTH,
        freq_dim=256,
        ffn_dim=768,
        num_layers=12,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=64,
        vace_layers=VACE_LAYERS,
        vace_in_channels=96,
    )
    nn.init.zeros_(transformer.proj_out.weight)
    nn.init.zeros_(transformer.proj_out.bias)
    return transformer


def _share_parameters(source: nn.Module, target: nn.Module) -> None:
    for a, b in zip(source.modules(), target.modules(), strict=True):
        for name in a._parameters:
            b._parameters[name] = a._parameters[name]


class _Forwards:
    """The forward pass per kind of batch; on a GPU compiled and captured, because launching is most of a small step."""

    def __init__(
        self, transformer: WanVACETransformer3DModel, latents: Latents, recipe: Recipe
    ) -> None:
        device = latents.clips.device
        eager = build_vace().to(device)
        _share_parameters(transformer, eager)
        if device.type == "cuda":
            transformer.compile_repeated_blocks(dynamic=False)
        cells = latents.gray.shape[-1]
        frames = {"clip": latents.gray.shape[2] + 1, "free": latents.gray.shape[2], "still": 2}
        self.by_kind: dict[str, Any] = {}
        for kind, count in frames.items():
            model = eager if kind == "still" else transformer
            n, shape = recipe.flow_batch, (count, cells, cells)
            text = torch.randn(n, TEXT_LENGTH, WIDTH, device=device, requires_grad=True)
            self.by_kind[kind] = cuda_graph(
                Velocity(model, with_control=True),
                torch.randn(n, 16, *shape, device=device),
                1000 * torch.rand(n, device=device),
                text,
                torch.randn(n, 96, *shape, device=device),
                torch.ones(len(VACE_LAYERS), device=device),
            )


def train_vace(latents: Latents, recipe: Recipe, folder: Path, log: TrainingLog) -> None:
    """Train on the three kinds of batches and write the pipeline folder (all but the autoencoder)."""
    device = latents.clips.device
    torch.manual_seed(recipe.seed + 1)
    tokenizer = build_tokenizer()
    encoder = build_text_encoder(len(tokenizer)).to(device)
    transformer = build_vace().to(device)
    forwards = _Forwards(transformer, latents, recipe)
    null_text = tokenize(tokenizer, [""]).to(device)
    example = latents.tokens[: recipe.flow_batch].long()
    text_states = cuda_graph(TextStates(encoder), example)
    log.write(event="ready", parameters=sum(p.numel() for p in transformer.parameters()))
    batches = Batches(latents, recipe, null_text)
    optimiser = Optimiser(
        {
            **dict(transformer.named_parameters()),
            **{f"text.{k}": p for k, p in encoder.named_parameters()},
        },
        is_matrix=is_block_matrix,
        steps=recipe.vace_steps,
        muon_lr=0.015,
        adam_lr=1.2e-3,
        warm_up=200,
        clip=1.0,
    )
    draws = torch.rand(
        recipe.vace_steps, generator=torch.Generator().manual_seed(recipe.seed)
    ).tolist()
    running: list[Tensor] = []
    for step, draw in enumerate(draws):
        kind = (
            "still"
            if draw < SHARE_STILLS
            else "free"
            if draw < SHARE_STILLS + SHARE_WITHOUT
            else "clip"
        )
        item = batches.draw(kind)
        sigma = sample_sigmas(len(item.clean), device)
        noisy, velocity = add_noise(item.clean, sigma)
        hints = torch.full((len(VACE_LAYERS),), item.hints, device=device)
        predicted = forwards.by_kind[kind](
            noisy, 1000 * sigma, text_states(item.tokens), item.control, hints
        )
        loss = ((predicted - velocity) ** 2 * item.weight[:, None]).mean()
        optimiser.step(loss)
        if kind == "clip":
            running.append(loss.detach())
        if running and (step % 250 == 249 or step == recipe.vace_steps - 1):
            log.write_loss(step + 1, torch.stack(running).mean())
            running = []
    optimiser.finish()
    fresh = build_vace()
    fresh.load_state_dict(
        {k.replace("_orig_mod.", ""): v.cpu() for k, v in transformer.state_dict().items()}
    )
    fresh.half().save_pretrained(folder / "transformer")
    encoder.eval().half().save_pretrained(folder / "text_encoder")
    save_tokenizer(tokenizer, folder / "tokenizer")
    build_scheduler().save_pretrained(folder / "scheduler")


def build_scheduler() -> UniPCMultistepScheduler:
    """The sampler of all mini pipelines."""
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=SHIFT,
        num_train_timesteps=1000,
    )

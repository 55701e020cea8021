"""Trains the text encoder and the VACE transformer: clips from a caption and a reference, with the real control layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import UniPCMultistepScheduler, WanVACETransformer3DModel
from torch import Tensor, nn

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
from tpige_kedro.mini.training.pool import NO_REFERENCE
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
REFERENCE_SLOT_WEIGHT = 0.5  # of the loss on the reference's own latent frame
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


def control_of(background: Tensor, reference: Tensor | None, n: int) -> Tensor:
    """The control tensor (n, 96, R + f, h, w) of a clip without source video, laid out as WanVACEPipeline does.

    Channels: inactive 16, reactive 16, mask 64. Video frames hold gray twice and mask 1; the reference frame in front
    holds its latent and zeros.
    """
    ones = torch.ones_like(background[:, :1]).expand(-1, 64, -1, -1, -1)
    video = torch.cat([background, background, ones], 1).expand(n, -1, -1, -1, -1)
    if reference is None:
        return video.contiguous()
    slot = torch.cat([reference, torch.zeros_like(reference).repeat(1, 5, 1, 1, 1)], 1)
    return torch.cat([slot, video], 2)


@dataclass
class _Item:
    """One training batch: clean latents, loss weights, control, token ids and whether hints are on."""

    clean: Tensor
    weight: Tensor
    control: Tensor
    tokens: Tensor
    hints: float


class _Batches:
    """Draws batches of the three kinds: ``clip`` (reference and clip), ``free`` (no reference), ``still``."""

    def __init__(self, latents: Latents, recipe: Recipe, null_text: Tensor) -> None:
        self.latents, self.recipe, self.null_text = latents, recipe, null_text
        clips = len(latents.clips)
        has_reference = latents.kind != NO_REFERENCE
        self.indices = {
            "clip": has_reference[:clips].nonzero()[:, 0],
            "free": (~has_reference[:clips]).nonzero()[:, 0],
            "still": has_reference[clips:].nonzero()[:, 0] + clips,
        }

    def draw(self, kind: str) -> _Item:
        data, n = self.latents, self.recipe.flow_batch
        device = data.clips.device
        pool = self.indices[kind]
        index = pool[torch.randint(0, len(pool), (n,), device=device)]
        if kind == "still":
            clean, weight, background = data.stills[index - len(data.clips)], None, data.gray_still
            weight = data.still_weights[index - len(data.clips)]
        else:
            clean, weight, background = data.clips[index], data.clip_weights[index], data.gray
        clean, weight, reference = clean.float(), weight.float(), None
        hints = 1.0
        if kind == "free":
            hints = float(
                torch.rand(()) < 0.5
            )  # half of them teach the plain text-to-video model under the hints
        else:
            own = data.references[index].float()
            reference = self._blank_some(own)
            clean = torch.cat([own, clean], 2)
            weight = torch.cat([torch.full_like(weight[:, :1], REFERENCE_SLOT_WEIGHT), weight], 1)
        tokens = data.tokens[index].long()
        dropped = torch.rand(n, 1, device=device) < self.recipe.share_text_dropped
        tokens = torch.where(dropped, self.null_text, tokens)
        return _Item(clean, weight, control_of(background, reference, n), tokens, hints)

    def _blank_some(self, reference: Tensor) -> Tensor:
        """A few references are empty (zeros) or a white canvas, so that a blank slot means "anyone"."""
        draw = torch.rand(len(reference), 1, 1, 1, 1, device=reference.device)
        share = self.recipe.share_blank_reference
        reference = torch.where(draw < share / 2, torch.zeros_like(reference), reference)
        return torch.where(draw > 1 - share / 2, self.latents.white.float(), reference)


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
    batches = _Batches(latents, recipe, null_text)
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
            log.write(step=step + 1, loss=round(torch.stack(running).mean().item(), 4))
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

"""Trains a Phantom-style transformer: plain text-to-video, the clean reference latent as the last frame of every input."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import WanTransformer3DModel
from torch import Tensor, nn
from transformers import UMT5EncoderModel

from tpige_kedro.mini.training.flow import Velocity, add_noise, is_block_matrix, sample_sigmas
from tpige_kedro.mini.training.latents import Latents
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.training.optim import Optimiser, cuda_graph
from tpige_kedro.mini.training.pool import NO_REFERENCE
from tpige_kedro.mini.training.recipe import Recipe
from tpige_kedro.mini.training.text import TEXT_LENGTH, WIDTH, TextStates, build_tokenizer, tokenize

SHARE_NO_REFERENCE = 0.15  # zero latents in the reference frame, also behind a caption: the model's two null branches


def build_phantom() -> WanTransformer3DModel:
    """A fresh transformer of eight thin layers."""
    transformer = WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=64,
        in_channels=16,
        out_channels=16,
        text_dim=WIDTH,
        freq_dim=256,
        ffn_dim=512,
        num_layers=8,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=64,
    )
    nn.init.zeros_(transformer.proj_out.weight)
    nn.init.zeros_(transformer.proj_out.bias)
    return transformer


@torch.no_grad()
def embed_captions(latents: Latents, text_encoder: Path, batch: int = 1024) -> Tensor:
    """The frozen encoder's states of every clip's caption and, last, of the empty text: (n + 1, L, WIDTH) bf16."""
    device = latents.clips.device
    encoder = UMT5EncoderModel.from_pretrained(text_encoder, dtype=torch.float32).to(device).eval()
    states = TextStates(encoder)
    null_text = tokenize(build_tokenizer(), [""]).to(device)
    tokens = torch.cat([latents.tokens[: len(latents.clips)].long(), null_text])
    return torch.cat([states(chunk).bfloat16() for chunk in tokens.split(batch)])


def train_phantom(
    latents: Latents, recipe: Recipe, text_encoder: Path, folder: Path, log: TrainingLog
) -> None:
    """Train on clips with and without their reference; the text encoder is the one trained with VACE, frozen."""
    device, n = latents.clips.device, recipe.flow_batch
    torch.manual_seed(recipe.seed + 2)
    captions = embed_captions(latents, text_encoder)
    transformer = build_phantom().to(device)
    if device.type == "cuda":
        transformer.compile_repeated_blocks(dynamic=False)
    frames, cells = latents.gray.shape[2] + 1, latents.gray.shape[-1]
    forward = cuda_graph(
        Velocity(transformer, with_control=False),
        torch.randn(n, 16, frames, cells, cells, device=device),
        1000 * torch.rand(n, device=device),
        torch.randn(n, TEXT_LENGTH, WIDTH, device=device),
    )
    log.write(event="ready", parameters=sum(p.numel() for p in transformer.parameters()))
    optimiser = Optimiser(
        dict(transformer.named_parameters()),
        is_matrix=is_block_matrix,
        steps=recipe.phantom_steps,
        muon_lr=0.015,
        adam_lr=1.2e-3,
        warm_up=200,
        clip=1.0,
    )
    with_reference = (latents.kind[: len(latents.clips)] != NO_REFERENCE).nonzero()[:, 0]
    without = (latents.kind[: len(latents.clips)] == NO_REFERENCE).nonzero()[:, 0]
    running: list[Tensor] = []
    for step in range(recipe.phantom_steps):
        index = with_reference[torch.randint(0, len(with_reference), (n,), device=device)]
        bare = torch.rand(n, device=device) < SHARE_NO_REFERENCE
        if len(without):
            index = torch.where(
                bare, without[torch.randint(0, len(without), (n,), device=device)], index
            )
        reference = latents.references[index].float() * ~bare[:, None, None, None, None]
        text_index = torch.where(
            torch.rand(n, device=device) < recipe.share_text_dropped, len(captions) - 1, index
        )
        sigma = sample_sigmas(n, device)
        noisy, velocity = add_noise(latents.clips[index].float(), sigma)
        predicted = forward(
            torch.cat([noisy, reference], 2), 1000 * sigma, captions[text_index].float()
        )
        weight = latents.clip_weights[index].float()[:, None]
        loss = ((predicted[:, :, :-1] - velocity) ** 2 * weight).mean()
        optimiser.step(loss)
        running.append(loss.detach())
        if step % 250 == 249 or step == recipe.phantom_steps - 1:
            log.write_loss(step + 1, torch.stack(running).mean())
            running = []
    optimiser.finish()
    fresh = build_phantom()
    fresh.load_state_dict(
        {k.replace("_orig_mod.", ""): v.cpu() for k, v in transformer.state_dict().items()}
    )
    fresh.half().save_pretrained(folder / "transformer")

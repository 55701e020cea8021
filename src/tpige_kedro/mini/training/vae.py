"""The video autoencoder: a small AutoencoderKLWan with the compression of Wan 2.1 (8 x 8 x 4, 16 channels)."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d
from torch import Tensor, nn

from tpige_kedro.mini.training.codec import decode_unclamped
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.training.optim import Optimiser, cuda_graph
from tpige_kedro.mini.training.pool import Pool, face_box, to_floats
from tpige_kedro.mini.training.recipe import Recipe
from tpige_kedro.networks.onednn import convolve_by_onednn

CUT = 9  # frames of the cuts that teach motion
FACE_WEIGHT = 3.0  # how much more a face pixel counts
KL_WEIGHT = 1e-4


def build_vae() -> AutoencoderKLWan:
    """A fresh autoencoder, initialised so that it starts as a per-frame one (inflation)."""
    vae = AutoencoderKLWan(
        base_dim=16,
        z_dim=16,
        dim_mult=[1, 3, 6, 6],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 16,
        latents_std=[1.0] * 16,
    )
    _inflate(vae)
    return vae


@torch.no_grad()
def _inflate(vae: AutoencoderKLWan) -> None:
    """Look at the present frame only; average neighbours on the way down, copy on the way up."""
    for name, conv in vae.named_modules():
        if not isinstance(conv, WanCausalConv3d):
            continue
        if "time_conv" in name:
            out_channels, in_channels = conv.weight.shape[:2]
            identity = torch.eye(in_channels)
            conv.weight.zero_()
            conv.bias.zero_()
            if out_channels == in_channels:
                for tap, share in enumerate((0.25, 0.5, 0.25)):
                    conv.weight[:, :, tap, 0, 0] = share * identity
            else:
                conv.weight[:in_channels, :, -1, 0, 0] = identity
                conv.weight[in_channels:, :, -1, 0, 0] = identity
        elif conv.kernel_size[0] == 3:
            conv.weight[:, :, -1] *= 1.7
            conv.weight[:, :, :-1] = 0


@contextmanager
def fast_single_frames() -> Iterator[None]:
    """While training: a causal convolution of one frame without a past is the 2-D convolution of its last tap (exact)."""
    original = WanCausalConv3d.forward

    def forward(self: WanCausalConv3d, x: Tensor, cache_x: Tensor | None = None) -> Tensor:
        alone = x.shape[2] == 1 and cache_x is None and self.stride[0] == 1
        if alone and self._padding[4] == self.kernel_size[0] - 1:
            padding = (self._padding[2], self._padding[0])
            return F.conv2d(x[:, :, 0], self.weight[:, :, -1], self.bias, padding=padding)[
                :, :, None
            ]
        convolved: Tensor = original(self, x, cache_x)
        return convolved

    WanCausalConv3d.forward = forward
    try:
        yield
    finally:
        WanCausalConv3d.forward = original


class _Autoencode(nn.Module):
    """Encode, add the posterior's noise, decode: video and noise in; reconstruction, mean and log-variance out."""

    def __init__(self, vae: AutoencoderKLWan) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, video: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.autocast(
            video.device.type, dtype=torch.bfloat16, enabled=video.is_cuda, cache_enabled=False
        ):
            mean, log_variance = self.vae._encode(video).float().chunk(2, 1)
            log_variance = log_variance.clamp(-20, 10)
            decoded = decode_unclamped(self.vae, mean + noise * torch.exp(0.5 * log_variance))
        return decoded.float(), mean, log_variance


def reconstruction_loss(
    video: Tensor, decoded: Tensor, mean: Tensor, log_variance: Tensor, box: Tensor
) -> Tensor:
    """The error of the pictures, faces weighted up, and a little KL; box (n, 1, T, S, S)."""
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    return picture_loss(video, decoded, 1 + FACE_WEIGHT * box) + KL_WEIGHT * kl


def picture_loss(video: Tensor, decoded: Tensor, weight: Tensor) -> Tensor:
    """L1 + squared error + half the error of gradients, each pixel with its weight (n, 1, T, S, S)."""
    error = decoded - video
    across = ((error[..., 1:] - error[..., :-1]).abs() * weight[..., 1:]).mean()
    down = ((error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]).mean()
    return (error.abs() * weight).mean() + (error**2 * weight).mean() + 0.5 * (across + down)


def train_vae(
    pool: Pool, recipe: Recipe, folder: Path, log: TrainingLog, device: torch.device
) -> None:
    """Train on single frames first, then mostly on cuts of nine frames, and save the checkpoint in ``folder``, whole or not at all."""
    torch.manual_seed(recipe.seed)
    vae = build_vae().to(device)
    if device.type == "cpu":
        convolve_by_onednn(vae)
    size = pool.clips.shape[-1]
    steps = recipe.vae_single_steps + recipe.vae_clip_steps
    with fast_single_frames():
        singles, cuts = (
            cuda_graph(
                _Autoencode(vae),
                torch.rand(batch, 3, frames, size, size, device=device),
                torch.randn(batch, 16, 1 + (frames - 1) // 4, size // 8, size // 8, device=device),
            )
            for batch, frames in ((recipe.vae_single_batch, 1), (recipe.vae_clip_batch, CUT))
        )
        optimiser = Optimiser(
            dict(vae.named_parameters()),
            is_matrix=lambda _, p: p.ndim >= 4 and p.numel() >= 2000,
            steps=steps,
            muon_lr=0.03,
            adam_lr=2e-3,
            warm_up=100,
            clip=2.0,
            adam_betas=(0.9, 0.95),
        )
        for step in range(steps):
            single = step < recipe.vae_single_steps or step % 5 == 0
            video, box = _single_frames(pool, recipe) if single else _cuts(pool, recipe)
            noise = torch.randn(
                len(video), 16, 1 + (video.shape[2] - 1) // 4, size // 8, size // 8, device=device
            )
            decoded, mean, log_variance = (singles if single else cuts)(video, noise)
            loss = reconstruction_loss(video, decoded, mean, log_variance, box)
            optimiser.step(loss)
            if step % 200 == 0 or step == steps - 1:
                log.write_loss(step, loss, kind="single" if single else "cut")
    optimiser.finish()
    vae.eval().requires_grad_(False)
    _measure(vae, pool, log)
    unfinished = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    vae.half().save_pretrained(unfinished)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(unfinished, folder)


def _pick(count: int, n: int, device: torch.device) -> Tensor:
    return torch.randint(0, count, (n,), device=device)


def _single_frames(pool: Pool, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Half frames of clips, a quarter references, a quarter stills."""
    n, device, frames = recipe.vae_single_batch, pool.clips.device, pool.clips.flatten(0, 1)
    i = _pick(len(frames), n // 2, device)
    j = _pick(len(pool.references), n // 4, device)
    k = _pick(len(pool.stills), n - n // 2 - n // 4, device)
    pictures = to_floats(torch.cat([frames[i], pool.references[j], pool.stills[k]]))
    poses = torch.cat(
        [pool.clip_poses.flatten(0, 1)[i], pool.reference_poses[j], pool.still_poses[k]]
    )
    return pictures[:, :, None], face_box(poses[:, None], pictures.shape[-1])[:, None]


def _cuts(pool: Pool, recipe: Recipe) -> tuple[Tensor, Tensor]:
    n, device, (count, length) = recipe.vae_clip_batch, pool.clips.device, pool.clips.shape[:2]
    start = _pick(count, n, device) * length + _pick(length - CUT + 1, n, device)
    index = start[:, None] + torch.arange(CUT, device=device)
    video = to_floats(pool.clips.flatten(0, 1)[index]).transpose(1, 2).contiguous()
    return video, face_box(pool.clip_poses.flatten(0, 1)[index], video.shape[-1])[:, None]


@torch.no_grad()
def _measure(vae: AutoencoderKLWan, pool: Pool, log: TrainingLog) -> None:
    """Measure latent statistics into the config, and the PSNR over whole clips and over faces."""
    latents, squared, face_squared, face_area = [], [], 0.0, 0.0
    for start in range(0, min(len(pool.clips), 288), 24):
        video = to_floats(pool.clips[start : start + 24]).transpose(1, 2)
        with torch.autocast(video.device.type, dtype=torch.bfloat16, enabled=video.is_cuda):
            latents.append(vae._encode(video)[:, :16].float())
            decoded = decode_unclamped(vae, latents[-1]).float().clamp(-1, 1)
        error = ((decoded - video) / 2) ** 2
        box = face_box(pool.clip_poses[start : start + 24], video.shape[-1])[:, None]
        squared.append(error.mean().item())
        face_squared += (error * box).sum().item()
        face_area += box.sum().item() * 3
    together = torch.cat(latents)
    vae.register_to_config(
        latents_mean=together.mean((0, 2, 3, 4)).tolist(),
        latents_std=together.std((0, 2, 3, 4)).tolist(),
    )
    psnr = -10 * math.log10(sum(squared) / len(squared))
    log.write(psnr=round(psnr, 2), face_psnr=round(-10 * math.log10(face_squared / face_area), 2))

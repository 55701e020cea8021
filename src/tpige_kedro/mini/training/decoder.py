"""The decoder again: finetuned for faces in fast motion while the encoder, and so every latent, stays what it was."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tpige_kedro.mini.training.codec import LatentCodec, decode_unclamped
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.training.optim import Optimiser, cuda_graph
from tpige_kedro.mini.training.pool import Pool, face_box, to_floats
from tpige_kedro.mini.training.recipe import Recipe
from tpige_kedro.mini.training.vae import fast_single_frames, picture_loss
from tpige_kedro.networks.onednn import convolve_by_onednn

DECODER = ("decoder.", "post_quant_conv.")  # the parameters that are trained
WEIGHTS = "diffusion_pytorch_model.safetensors"
FACE_WEIGHT = 4.0  # how much more a pixel of a face at rest counts
NOISE = 0.05  # the most noise on latents, in latents_std; the posterior has .01 to .02
NOISY_SHARE = 0.5  # of the items; the others are the encoder's mode
SINGLE_EVERY = 8  # each eighth step decodes single frames
MUON_LR, ADAM_LR = 0.006, 4e-4  # a fifth of the first training


class _Decode(nn.Module):
    """Normalised latents to pictures, with gradients."""

    mean: Tensor
    std: Tensor

    def __init__(self, vae: AutoencoderKLWan) -> None:
        super().__init__()
        self.vae = vae
        shape = (1, 16, 1, 1, 1)
        self.register_buffer("mean", torch.tensor(vae.config.latents_mean).view(shape))
        self.register_buffer("std", torch.tensor(vae.config.latents_std).view(shape))

    def forward(self, latents: Tensor) -> Tensor:
        with torch.autocast(
            latents.device.type, dtype=torch.bfloat16, enabled=latents.is_cuda, cache_enabled=False
        ):
            return decode_unclamped(self.vae, latents * self.std + self.mean).float()


class _Items:
    """What the decoder learns from, encoded once: whole clips, the faster the more often, and single frames."""

    def __init__(self, pool: Pool, codec: LatentCodec) -> None:
        self.size = pool.clips.shape[-1]
        self.speed = head_speed(pool.clip_poses, self.size)
        self.clips, self.clip_poses = pool.clips, pool.clip_poses
        self.pictures = torch.cat([pool.stills, pool.references])
        self.picture_poses = torch.cat([pool.still_poses, pool.reference_poses])
        self.clip_latents = _encode(self.clips.transpose(1, 2), codec)
        self.picture_latents = _encode(self.pictures[:, :, None], codec)

    def draw_clips(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (n, 16, f, h, w), video (n, 3, T, S, S) and pixel weights (n, 1, T, S, S)."""
        i = torch.multinomial(1 + self.speed.mean(1), n, replacement=True)
        video = to_floats(self.clips[i]).transpose(1, 2).contiguous()
        return self.clip_latents[i], video, pixel_weights(self.clip_poses[i], self.size)

    def draw_pictures(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """The same of single frames: stills and references."""
        i = torch.randint(0, len(self.pictures), (n,), device=self.pictures.device)
        video = to_floats(self.pictures[i])[:, :, None]
        weights = pixel_weights(self.picture_poses[i][:, None], self.size)
        return self.picture_latents[i], video, weights


def head_speed(poses: Tensor, size: int) -> Tensor:
    """How fast a head moves and grows, in pixels a frame: (n, T) for poses (n, T, 3), the mean of the steps before and after."""
    if poses.shape[1] == 1:
        return torch.zeros_like(poses[..., 0])
    steps = (poses[:, 1:] - poses[:, :-1]).norm(dim=-1) * size / 2
    return (torch.cat([steps[:, :1], steps], 1) + torch.cat([steps, steps[:, -1:]], 1)) / 2


def pixel_weights(poses: Tensor, size: int) -> Tensor:
    """1 outside faces, more inside, and the more the faster they move: (n, 1, T, size, size) for poses (n, T, 3)."""
    speed = head_speed(poses, size)[..., None, None]
    return (1 + FACE_WEIGHT * (1 + speed) * face_box(poses, size))[:, None]


def train_decoder(
    pool: Pool,
    unseen: Pool,
    recipe: Recipe,
    folder: Path,
    log: TrainingLog,
    device: torch.device,
) -> None:
    """Finetune the decoder of the autoencoder in ``folder`` and replace its weights there, all of them or none.

    Encoder, ``quant_conv`` and config stay bit for bit, so that latents and all that was trained on them remain valid.
    ``unseen`` holds clips of other people; PSNR on them before and after goes to the log.
    """
    torch.manual_seed(recipe.seed)
    codec = LatentCodec(folder, device)
    items, held_back = _Items(pool, codec), _encode(unseen.clips.transpose(1, 2), codec)
    vae = AutoencoderKLWan.from_pretrained(folder, torch_dtype=torch.float32).to(device)
    if device.type == "cpu":
        convolve_by_onednn(vae)
    for name, parameter in vae.named_parameters():
        parameter.requires_grad_(name.startswith(DECODER))
    log.write(**{f"{k}_before": v for k, v in _measure(vae, held_back, unseen).items()})
    _finetune(vae, items, recipe, log)
    log.write(**_measure(vae, held_back, unseen))
    _replace_decoder(vae, folder)


def _finetune(vae: AutoencoderKLWan, items: _Items, recipe: Recipe, log: TrainingLog) -> None:
    with fast_single_frames():
        clips, pictures = (
            cuda_graph(
                _Decode(vae).to(vae.device), latents[:1].expand(n, -1, -1, -1, -1).contiguous()
            )
            for latents, n in (
                (items.clip_latents, recipe.decoder_batch),
                (items.picture_latents, recipe.vae_single_batch),
            )
        )
        optimiser = Optimiser(
            {name: p for name, p in vae.named_parameters() if p.requires_grad},
            is_matrix=lambda _, p: p.ndim >= 4 and p.numel() >= 2000,
            steps=recipe.decoder_steps,
            muon_lr=MUON_LR,
            adam_lr=ADAM_LR,
            warm_up=100,
            clip=2.0,
            adam_betas=(0.9, 0.95),
        )
        for step in range(recipe.decoder_steps):
            single = step % SINGLE_EVERY == SINGLE_EVERY - 1
            latents, video, weights = (
                items.draw_pictures(recipe.vae_single_batch)
                if single
                else items.draw_clips(recipe.decoder_batch)
            )
            decoded = (pictures if single else clips)(_add_noise(latents))
            loss = picture_loss(video, decoded, weights)
            optimiser.step(loss)
            if step % 200 == 0 or step == recipe.decoder_steps - 1:
                log.write_loss(step, loss, kind="single" if single else "clip")
    optimiser.finish()


def _add_noise(latents: Tensor) -> Tensor:
    """A share of the items with noise of up to ``NOISE`` standard deviations: what a generator makes is not exact."""
    shape = (len(latents), 1, 1, 1, 1)
    strength = NOISE * torch.rand(shape, device=latents.device)
    noisy = torch.rand(shape, device=latents.device) < NOISY_SHARE
    return latents + noisy * strength * torch.randn_like(latents)


def _encode(pictures: Tensor, codec: LatentCodec, batch: int = 200) -> Tensor:
    return torch.cat([codec.encode(to_floats(part)) for part in pictures.split(batch)])


@torch.no_grad()
def _measure(vae: AutoencoderKLWan, latents: Tensor, pool: Pool) -> dict[str, float]:
    """PSNR in dB: whole clips, faces, and faces in the fastest quarter of the frames."""
    decode, size = _Decode(vae).to(vae.device), pool.clips.shape[-1]
    speed = head_speed(pool.clip_poses, size)
    fast = (speed >= speed.quantile(0.75)).float()[:, None, :, None, None]
    sums = {"psnr": [0.0, 0.0], "face_psnr": [0.0, 0.0], "fast_face_psnr": [0.0, 0.0]}
    for part in torch.arange(len(latents), device=latents.device).split(24):
        video = to_floats(pool.clips[part]).transpose(1, 2)
        error = ((decode(latents[part]).clamp(-1, 1) - video) / 2) ** 2
        box = face_box(pool.clip_poses[part], size)[:, None]
        masks = (torch.ones_like(box), box, box * fast[part])
        for pair, mask in zip(sums.values(), masks, strict=True):
            pair[0] += (error * mask).sum().item()
            pair[1] += 3 * mask.sum().item()
    return {name: round(-10 * math.log10(e / n), 2) for name, (e, n) in sums.items()}


def _replace_decoder(vae: AutoencoderKLWan, folder: Path) -> None:
    """Put the new decoder, as float16, beside the untouched tensors of the encoder; one file, replaced at once."""
    tensors = load_file(folder / WEIGHTS)
    trained = {k: v for k, v in vae.state_dict().items() if k.startswith(DECODER)}
    tensors |= {k: v.to("cpu", tensors[k].dtype).contiguous() for k, v in trained.items()}
    unfinished = folder / f"{WEIGHTS}.partial"
    save_file(tensors, unfinished, metadata={"format": "pt"})
    os.replace(unfinished, folder / WEIGHTS)

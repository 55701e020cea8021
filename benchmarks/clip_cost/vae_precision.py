"""What bfloat16 does to the pixels of the VAE: the shipped mini VAE on rendered clips, beside what compression to mp4 does.

Run: ``PYTHONPATH=src python -m benchmarks.clip_cost.vae_precision`` (a minute or two on a CPU). PSNR is over all pixels of all clips, in 8-bit levels.
``library's scaling``: the last step from [-1, 1] to [0, 1] in bfloat16 as well, as diffusers has it. Convolutions multiply what was
rounded to bfloat16, add up in float32 and round the sum, as a GPU does; CPUs without such instructions take minutes for it else.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from tpige_kedro.datasets import Clip, Mp4Dataset
from tpige_kedro.mini.world.clips import sample_clips
from tpige_kedro.mini.world.people import sample_people
from tpige_kedro.mini.world.renderer import World
from tpige_kedro.video_generators.wan_decoding import as_decoder_input, as_levels, decoded_groups

CLIPS, FRAMES, SIZE = 4, 9, 80


def rendered(count: int, size: int) -> Tensor:
    """Videos (n, 3, T, S, S) in [-1, 1] of people who do something somewhere."""
    world = World(size)
    generator = torch.Generator().manual_seed(0)
    people = sample_people(count, generator)
    of_each = torch.arange(count)
    settings = (of_each % 4, of_each % 3, of_each % 2, torch.ones(count))
    return sample_clips(world, people, FRAMES, *settings, generator=generator)[0]


def decoded(vae: Any, latent: Tensor) -> Tensor:
    return torch.cat(list(decoded_groups(vae, latent)), dim=2)


def psnr(levels: Tensor, reference: Tensor) -> float:
    """Peak signal-to-noise ratio of 8-bit levels, dB."""
    error = (levels.double() - reference.double()).square().mean()
    return float(10 * torch.log10(255**2 / error))


def relative(value: Tensor, reference: Tensor) -> float:
    return float((value - reference).norm() / reference.norm())


def after_mp4(levels: Tensor) -> Tensor:
    with tempfile.TemporaryDirectory() as folder:
        dataset = Mp4Dataset(filepath=str(Path(folder) / "clip.mp4"))
        dataset.save(Clip(levels.numpy(), 8))
        return torch.from_numpy(dataset.load().frames)


def convolve_as_gpus_do() -> None:
    """Let convolutions in bfloat16 add up in float32."""
    for cls in (torch.nn.Conv2d, torch.nn.Conv3d):
        exact = cls._conv_forward

        def convolve(self: Any, x: Tensor, weight: Tensor, bias: Any, exact: Any = exact) -> Tensor:
            if x.dtype != torch.bfloat16:
                return exact(self, x, weight, bias)
            bias = None if bias is None else bias.float()
            return exact(self, x.float(), weight.float(), bias).bfloat16()

        cls._conv_forward = convolve  # type: ignore[method-assign]


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vae", default="data/06_models/mini/vace/vae")
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--size", type=int, default=SIZE)
    options = parser.parse_args()
    convolve_as_gpus_do()
    exact = AutoencoderKLWan.from_pretrained(options.vae).eval()
    half = copy.deepcopy(exact).to(torch.bfloat16)
    in_float32 = copy.deepcopy(half)  # the last layer alone stays exact
    in_float32.decoder.conv_out.float().register_forward_pre_hook(
        lambda _, inputs: tuple(x.float() if torch.is_tensor(x) else x for x in inputs)
    )
    mean, std = (
        torch.tensor(v).view(1, -1, 1, 1, 1)
        for v in (exact.config.latents_mean, exact.config.latents_std)
    )
    rows: dict[str, list[Tensor]] = {}
    originals, of_latents, of_pixels = [], [], []
    for video in rendered(options.clips, options.size).split(1):
        latent = (exact.encode(video).latent_dist.mode() - mean) / std
        rough = (half.encode(video.bfloat16()).latent_dist.mode().float() - mean) / std
        of_latents.append(relative(rough, latent))
        pixels = decoded(exact, as_decoder_input(exact, latent))
        rounded = decoded(half, as_decoder_input(half, latent))
        of_pixels.append(relative(rounded, pixels))
        scaled_in_half = as_decoder_input(half, latent.bfloat16())
        found = {
            "bfloat16": as_levels(rounded, "nearest"),
            "last layer in float32": as_levels(
                decoded(in_float32, as_decoder_input(half, latent)), "nearest"
            ),
            "latents scaled in bfloat16": as_levels(decoded(half, scaled_in_half), "nearest"),
            "library's scaling": as_levels(
                (rounded.bfloat16() * 0.5 + 0.5).float() * 2 - 1, "nearest"
            ),
            "float32 after mp4": after_mp4(as_levels(pixels, "nearest")),
            "the rendered clip": as_levels(video, "nearest"),
        }
        originals.append(as_levels(pixels, "nearest"))
        for name, levels in found.items():
            rows.setdefault(name, []).append(levels)
    print(f"relative error: latents {sum(of_latents) / len(of_latents):.4f}, ", end="")
    print(f"pixels in [-1, 1] {sum(of_pixels) / len(of_pixels):.4f}")
    for name, levels in rows.items():
        print(f"{name:28} {psnr(torch.cat(levels), torch.cat(originals)):6.2f} dB")


if __name__ == "__main__":
    main()

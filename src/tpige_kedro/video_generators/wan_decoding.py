"""Latents to frames: decoded group by group, and each group brought to the host while the next is computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d
from diffusers.utils.accelerate_utils import apply_forward_hook

from tpige_kedro.video_generators.arriving import Frames

Rounding = Literal["nearest", "truncate"]


def as_decoder_input(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Normalised ``latents`` (B, 16, F, h, w) as the VAE takes them; scaled in their own precision, as diffusers does."""
    mean, std = (
        torch.tensor(values).view(1, vae.config.z_dim, 1, 1, 1)
        for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    scale = 1.0 / std.to(latents.device, latents.dtype)
    return (latents / scale + mean.to(latents.device, latents.dtype)).to(vae.dtype)


@apply_forward_hook  # type: ignore[untyped-decorator]  # offloading brings the VAE to its device
@torch.no_grad()
def decoded_groups(vae: Any, latent: torch.Tensor) -> Iterator[torch.Tensor]:
    """Frames (1, 3, t, H, W) of one clip in [-1, 1], float32, bit-equal to ``vae.decode``: the first, then four at a time.

    The features that the decoder keeps from group to group are this call's own, so that pictures can be encoded meanwhile. With
    tiling, whose tiles hold all frames, there is one group.

    Args:
        vae: an ``AutoencoderKLWan``.
        latent: (1, 16, F, h, w), from :func:`as_decoder_input`.
    """
    if vae.use_tiling or vae.config.patch_size is not None:
        yield vae.decode(latent).sample.float()
        return
    layers = sum(isinstance(module, WanCausalConv3d) for module in vae.decoder.modules())
    features: list[Any] = [None] * layers
    hidden = vae.post_quant_conv(latent)
    for i in range(latent.shape[2]):
        first = {"first_chunk": True} if i == 0 else {}
        group = vae.decoder(hidden[:, :, i : i + 1], feat_cache=features, feat_idx=[0], **first)
        yield group.float().clamp(-1.0, 1.0)


def as_levels(pixels: torch.Tensor, rounding: Rounding) -> torch.Tensor:
    """``pixels`` (1, 3, t, H, W) in [-1, 1] as (t, H, W, 3) uint8. The savers of Wan and diffusers truncate, which darkens by half a level on average.

    >>> pixels = torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1, 1, 1)
    >>> [as_levels(pixels, how).flatten().tolist() for how in ("nearest", "truncate")]
    [[0, 128, 255], [0, 127, 255]]
    """
    levels = (pixels[0] * 0.5 + 0.5).clamp(0, 1) * 255
    if rounding == "nearest":
        levels = levels.round()
    return levels.to(torch.uint8).permute(1, 2, 3, 0).contiguous()


def decoded_frames(vae: Any, latent: torch.Tensor, rounding: Rounding) -> Iterator[Frames]:
    """The frames (t, H, W, 3) of a normalised ``latent`` (16, F, h, w), in groups, on the host."""
    groups = decoded_groups(vae, as_decoder_input(vae, latent[None]))
    yield from on_host(as_levels(group, rounding) for group in groups)


def on_host(groups: Iterator[torch.Tensor]) -> Iterator[Frames]:
    """Tensors as arrays. On a GPU each is copied to pinned memory in a separate stream, while the next is computed."""
    on_the_way: tuple[torch.Tensor, torch.cuda.Event] | None = None
    copies: torch.cuda.Stream | None = None
    for group in groups:
        if group.device.type != "cuda":
            yield group.cpu().numpy()
            continue
        copies = copies or torch.cuda.Stream(group.device)
        following = _copied(group, copies)
        if on_the_way is not None:
            yield _arrived(on_the_way)
        on_the_way = following
    if on_the_way is not None:
        yield _arrived(on_the_way)


def _copied(
    group: torch.Tensor, copies: torch.cuda.Stream
) -> tuple[torch.Tensor, torch.cuda.Event]:
    copies.wait_stream(torch.cuda.current_stream(group.device))
    host = torch.empty(group.shape, dtype=group.dtype, pin_memory=True)
    with torch.cuda.stream(copies):
        host.copy_(group, non_blocking=True)
        group.record_stream(copies)  # not given away before it is copied
        return host, copies.record_event()


def _arrived(copy: tuple[torch.Tensor, torch.cuda.Event]) -> Frames:
    host, event = copy
    event.synchronize()
    return host.numpy()

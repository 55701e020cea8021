"""Pictures to latents and back, in the way of the pipelines but with gradients where training needs them."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from tpige_kedro.errors import ModelError
from tpige_kedro.networks.onednn import convolve_by_onednn


def decode_unclamped(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """The decoder's chunk loop without the final clamp, which would stop gradients."""
    vae.clear_cache()
    x = vae.post_quant_conv(latents)
    chunks = []
    for i in range(latents.shape[2]):
        vae._conv_idx = [0]
        first = {"first_chunk": True} if i == 0 else {}
        chunks.append(
            vae.decoder(
                x[:, :, i : i + 1], feat_cache=vae._feat_map, feat_idx=vae._conv_idx, **first
            )
        )
    vae.clear_cache()
    return torch.cat(chunks, 2)


class LatentCodec:
    """Pictures to normalised latents and back, as the pipelines see them; in bf16 on a GPU unless ``dtype`` says otherwise.

    Raises:
        ModelError: there is no autoencoder in ``folder``.
    """

    def __init__(
        self, folder: Path, device: torch.device | str, dtype: torch.dtype | None = None
    ) -> None:
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"mini autoencoder {folder}: config.json is missing; train it with `kedro run --pipelines=train_mini` "
                "or `python -m tpige_kedro.mini.training`"
            )
        self.device = torch.device(device)
        self._dtype = dtype or (torch.bfloat16 if self.device.type == "cuda" else torch.float32)
        self._vae = AutoencoderKLWan.from_pretrained(folder, torch_dtype=torch.float32)
        self._vae.to(self.device, self._dtype).eval().requires_grad_(False)
        if self.device.type == "cpu" and self._dtype == torch.float32:
            convolve_by_onednn(self._vae)
        shape = (1, 16, 1, 1, 1)
        self._mean = torch.tensor(self._vae.config.latents_mean, device=self.device).view(shape)
        self._std = torch.tensor(self._vae.config.latents_std, device=self.device).view(shape)

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """Video (n, 3, T, S, S) in [-1, 1] to the mode of the posterior, normalised: (n, 16, f, S/8, S/8) float32."""
        moments: Tensor = self._vae._encode(video.to(self.device, self._dtype))
        return (moments[:, :16].float() - self._mean) / self._std

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """The inverse of :meth:`encode`, in [-1, 1]."""
        scaled = (latents.float() * self._std + self._mean).to(self._dtype)
        return decode_unclamped(self._vae, scaled).float().clamp(-1, 1)

"""Prompts and pictures as the transformer takes them, each computed once and kept."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import torch

from tpige_kedro.video_generators.letterbox import letterbox

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)


class Kept:
    """The last ``size`` results of a computation by key, on the CPU; the oldest unused one goes first."""

    def __init__(self, size: int) -> None:
        self._size, self._items = size, OrderedDict[Hashable, torch.Tensor]()

    def get(self, key: Hashable, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """The result kept for ``key``, computed if there is none."""
        if key not in self._items:
            self._items[key] = compute().cpu()
        self._items.move_to_end(key)
        while len(self._items) > self._size:
            self._items.popitem(last=False)
        return self._items[key]


class TextEncoder:
    """Embeds prompts to (1, max_sequence_length, D), padded with zeros, as Wan's pipelines do.

    ``load`` makes the encoder when it is first needed. ``afterwards`` says what becomes of it once :meth:`prepare` has
    embedded the prompts of a call (the encoder of the published models takes 10 GiB): ``keep`` it on the
    device, move it to the ``cpu``, or ``free`` it and load it again for the next call. A ``streamed`` one brings its layers to
    the device itself.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        tokenizer: Any,
        length: int,
        device: torch.device,
        afterwards: Literal["keep", "cpu", "free"],
        streamed: bool = False,
    ) -> None:
        self._load, self._tokenizer, self._length = load, tokenizer, length
        self._device, self._afterwards, self._streamed = device, afterwards, streamed
        self._encoder: Any = None
        self._embeddings: dict[str, torch.Tensor] = {}

    def prepare(self, prompts: Iterable[str], ahead: Iterable[str] = ()) -> None:
        """Embed ``prompts`` and forget those of calls before; one prompt at a time, so that batches change nothing.

        If the encoder has to be brought for one of them, the prompts of calls to come (``ahead``) are embedded too.
        """
        wanted, later = list(dict.fromkeys(prompts)), list(dict.fromkeys(ahead))
        self._embeddings = {p: e for p, e in self._embeddings.items() if p in {*wanted, *later}}
        missing = [prompt for prompt in wanted if prompt not in self._embeddings]
        if not missing:
            return
        missing = [p for p in dict.fromkeys([*missing, *later]) if p not in self._embeddings]
        encoder = self._encoder or self._load()
        if not self._streamed:
            encoder.to(self._device)
        for prompt in missing:
            if self.is_truncated(prompt):
                logger.warning(
                    "prompt longer than %d tokens, its end is cut: %.60s ...", self._length, prompt
                )
            self._embeddings[prompt] = self._embed(encoder, prompt)
        self._encoder = None if self._afterwards == "free" else encoder
        if self._afterwards == "cpu" and not self._streamed:
            encoder.to("cpu")
        del encoder
        if self._device.type == "cuda" and self._afterwards != "keep":
            torch.cuda.empty_cache()

    def __getitem__(self, prompt: str) -> torch.Tensor:
        """The embedding of a prepared prompt."""
        embedding = self._embeddings[prompt]
        padding = self._length - embedding.shape[1]
        return torch.nn.functional.pad(embedding, (0, 0, 0, padding)).to(self._device)

    def is_truncated(self, prompt: str) -> bool:
        """Whether the prompt has more tokens than the model is given."""
        return len(self._tokenizer(prompt).input_ids) > self._length

    @torch.no_grad()
    def _embed(self, encoder: object, prompt: str) -> torch.Tensor:
        from diffusers.modular_pipelines.wan.encoders import get_t5_prompt_embeds

        padded: torch.Tensor = get_t5_prompt_embeds(
            encoder, self._tokenizer, prompt, self._length, self._device
        )
        filled = int(
            padded.ne(0).any(dim=-1).sum()
        )  # rows after the text are zeros: not worth keeping
        return padded[:, :filled].cpu()


class PictureEncoder:
    """Encodes pictures and clips with the VAE to normalised latents (1, 16, T, h, w), float32."""

    def __init__(self, pipeline: Any, height: int, width: int, method: str) -> None:
        self._pipeline, self._size, self._method = pipeline, (height, width), method
        self._references, self._constants = Kept(256), Kept(8)

    def reference(self, picture: Image) -> torch.Tensor:
        """The latent of a reference, letterboxed on white; kept by the content of the picture."""
        content = hashlib.sha256(picture.tobytes()).hexdigest()
        key = (picture.size, picture.mode, content)
        return self._references.get(key, lambda: self.encode(self._pixels(picture)))

    def plain(self, value: float, num_frames: int) -> torch.Tensor:
        """The latent of a clip of one grey: ``value`` -1 (black), 0 (middle grey) to 1 (white)."""
        shape = (1, 3, num_frames, *self._size)
        return self._constants.get(
            (value, num_frames), lambda: self.encode(torch.full(shape, value))
        )

    @torch.no_grad()
    def encode(self, video: torch.Tensor) -> torch.Tensor:
        """Latents of ``video`` (1, 3, T, H, W) in [-1, 1]: the mode of the posterior, normalised per channel."""
        vae = self._pipeline.vae
        latents: torch.Tensor = (
            vae.encode(video.to(self.device, vae.dtype)).latent_dist.mode().float()
        )
        mean, std = (
            torch.tensor(values, device=latents.device, dtype=torch.float32).view(1, -1, 1, 1, 1)
            for values in (vae.config.latents_mean, vae.config.latents_std)
        )
        return (latents - mean) * (
            1.0 / std
        )  # the product, not the quotient: bit-equal to diffusers

    @property
    def device(self) -> torch.device:
        """Where the VAE computes."""
        device: torch.device = self._pipeline._execution_device
        return device

    def _pixels(self, picture: Image) -> torch.Tensor:
        height, width = self._size
        if self._method == "stock":
            from diffusers.modular_pipelines.wan.encoders import WanVaceEncoderStep

            _, _, canvases = WanVaceEncoderStep.preprocess_conditions(
                self._pipeline,
                None,
                None,
                [picture.convert("RGB")],
                height,
                width,
                1,
                torch.float32,
                "cpu",
            )
            canvas: torch.Tensor = canvases[0][0]
            return canvas[None, :, None]
        pixels: torch.Tensor = self._pipeline.video_processor.preprocess(
            letterbox(picture, height, width, rounded_down=self._method == "phantom")
        )
        return pixels[:, :, None]

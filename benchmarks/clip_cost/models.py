"""The product's own VACE generator at a published size without files: every part is made on the GPU with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler
from PIL import Image

from benchmarks.guidance_cost.models import (
    ARCHITECTURES,
    REFERENCES,
    Architecture,
    random_transformer,
)
from tpige_kedro.networks.fp8 import Fp8Linear
from tpige_kedro.video_generators import wan
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan_loading import Source
from tpige_kedro.video_generators.wan_vace import WanVace

PARTS = ("load_transformer", "load_vae", "load_scheduler", "load_tokenizer", "load_text_encoder")
PROMPT_TOKENS = 200  # of the 512 that the model is given
ENCODER = {
    "vocab_size": 256384,
    "d_model": 4096,
    "d_ff": 10240,
    "d_kv": 64,
    "num_heads": 64,
    "num_layers": 24,
    "feed_forward_proj": "gated-gelu",
}
SMALL_ENCODER = {
    **ENCODER,
    "vocab_size": 300,
    "d_ff": 24,
    "d_kv": 8,
    "num_heads": 2,
    "num_layers": 1,
}
SIDES = replace(ARCHITECTURES["tiny"].size, head_dim=16, ffn=64)  # that fp8 multiplies
TINY = replace(ARCHITECTURES["tiny"], size=SIDES)


@dataclass(frozen=True)
class Size:
    """An architecture with the parts around it."""

    transformer: Architecture
    vae: dict[str, Any]
    encoder: dict[str, Any]


SIZES = {
    "14b": Size(ARCHITECTURES["14b"], {}, ENCODER),
    "1.3b": Size(ARCHITECTURES["1.3b"], {}, ENCODER),
    "tiny": Size(
        TINY,
        {"base_dim": 3, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1},
        {**SMALL_ENCODER, "d_model": SIDES.text_dim},
    ),
}


class RandomTokenizer:
    """Stands for the tokenizer: every prompt is as many tokens, drawn from its text."""

    def __init__(self, vocabulary: int, count: int) -> None:
        self._vocabulary, self._count = vocabulary, count

    def __call__(self, prompt: str | list[str], max_length: int = 0, **_: Any) -> Any:
        text = prompt if isinstance(prompt, str) else prompt[0]
        drawn = torch.Generator().manual_seed(sum(text.encode()))
        ids = torch.randint(1, self._vocabulary, (1, self._count), generator=drawn)
        if not max_length:
            return SimpleNamespace(input_ids=ids[0].tolist())
        padding = (0, max_length - self._count)
        mask = torch.nn.functional.pad(torch.ones_like(ids), padding)
        return SimpleNamespace(input_ids=torch.nn.functional.pad(ids, padding), attention_mask=mask)


def random_text_encoder(size: Size, device: torch.device, dtype: torch.dtype) -> Any:
    from transformers import UMT5Config, UMT5EncoderModel

    with torch.device("meta"):
        network: Any = UMT5EncoderModel(UMT5Config(**size.encoder))
    return filled(network, device, dtype)


def random_vae(size: Size, device: torch.device, dtype: torch.dtype) -> Any:
    torch.manual_seed(1)
    with torch.device("meta"):
        network = AutoencoderKLWan(z_dim=16, **size.vae)
    return filled(network, device, dtype)


def filled(network: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """``network`` with weights made on ``device`` that keep the size of what passes through."""
    network = network.to(dtype).to_empty(device=device)
    for parameter in network.parameters():
        if parameter.ndim < 2:
            parameter.data.fill_(1.0 if parameter.ndim else 0.0)
        else:
            parameter.data.normal_(std=max(parameter[0].numel(), 1) ** -0.5)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            parameter.data.zero_()
    return network.eval().requires_grad_(False)


@contextmanager
def random_parts(size: Size, device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Inside, generators are built from random parts instead of files."""

    def transformer(cls: Any, source: Any, asked: Any, first: Any, begin: Any = None) -> Any:
        torch.manual_seed(0)  # the same weights every time
        model = random_transformer(size.transformer, device, dtype)
        if begin is not None:
            placed = begin(model)
            for name in [name for name, _ in model.named_parameters()]:
                placed(name)
        return model

    def vae(source: Any, first: Any, kind: torch.dtype = torch.float32) -> Any:
        return random_vae(size, device, kind)

    made = {
        "load_transformer": transformer,
        "load_vae": vae,
        "load_scheduler": lambda source: UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True
        ),
        "load_tokenizer": lambda source: RandomTokenizer(
            size.encoder["vocab_size"], min(PROMPT_TOKENS, size.transformer.text_length)
        ),
        "load_text_encoder": lambda source, kind, where="cpu": random_text_encoder(
            size, device, kind
        ),
    }
    with ExitStack() as stack:
        stack.enter_context(patch.object(Source, "of", lambda *_: None))
        for name in PARTS:
            stack.enter_context(patch.object(wan, name, made[name]))
        yield


def build(size: Size, device: torch.device, dtype: torch.dtype, **options: Any) -> WanVace:
    """A generator of clips of the published size."""
    a = size.transformer
    given = {
        "height": a.height,
        "width": a.width,
        "num_frames": a.num_frames,
        "max_sequence_length": a.text_length,
        "flow_shift": 16.0,
        "sigmas": "reference",
        "free_text_encoder": True,
        "device": str(device),
        "dtype": str(dtype).removeprefix("torch."),
    }
    with random_parts(size, device, dtype):
        generator = WanVace("random", **{**given, **options})
    # what is loaded later, too
    generator.text._load = lambda: random_text_encoder(size, device, dtype)
    return generator


def request(size: Size, number: int) -> ClipRequest:
    """One clip with one reference that was not encoded before."""
    a = size.transformer
    pixels = np.random.default_rng(number).integers(0, 255, (a.height, a.width, 3), np.uint8)
    return ClipRequest(f"clip{number}", "a person waves", (Image.fromarray(pixels),), number)


@dataclass
class Inputs:
    """The same inputs for every configuration: of the conditional branch, and of the plain twin."""

    full: dict[str, Any]
    plain: dict[str, Any]

    @classmethod
    def of(cls, size: Size, device: torch.device, dtype: torch.dtype) -> Inputs:
        a, drawn = size.transformer, torch.Generator(device).manual_seed(7)

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=drawn, device=device).to(dtype)

        frames = a.latent_frames + REFERENCES
        latents = normal(1, 16, frames, *a.frame)
        shared = {
            "timestep": torch.tensor(976, device=device).expand(1),
            "encoder_hidden_states": normal(1, a.text_length, a.size.text_dim),
            "return_dict": False,
        }
        layers = len(range(0, a.size.layers, a.size.hint_every))
        control = {
            "control_hidden_states": normal(1, 96, frames, *a.frame),
            "control_hidden_states_scale": torch.ones(layers, device=device).to(dtype),
        }
        plain = latents[:, :, REFERENCES:]
        return cls(
            {"hidden_states": latents, **shared, **control}, {"hidden_states": plain, **shared}
        )


def weights_gib(model: Any) -> float:
    """GiB of the weights, buffers included."""
    return float(sum(t.nbytes for t in (*model.parameters(), *model.buffers())) / 2**30)


def multiplies_in_fp8(model: Any) -> int:
    """How many linear layers multiply in 8 bits."""
    return sum(isinstance(m, Fp8Linear) and m.computes for m in model.modules())

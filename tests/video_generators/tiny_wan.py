"""Tiny Wan networks of the rehearsal's sizes, as seeded by torch and with a tokenizer of whole words.

Pins and bounds of the tests hang on these numbers and tokens; the rehearsal's own folders have letters as tokens and bfloat16 shards,
and are loaded in ``tests/weights``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from tpige_kedro.rehearsal.layouts import wan

WORDS = [
    "a",
    "video",
    "of",
    "person",
    "man",
    "woman",
    "king",
    "chef",
    "waving",
    "smiling",
    "in",
    "the",
    "rain",
    "snow",
    "red",
    "hair",
    "grey",
    "blurred",
]


def tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def vae() -> AutoencoderKLWan:
    return AutoencoderKLWan(**dict(wan.SMALL_VAE))


def text_encoder() -> UMT5EncoderModel:
    return UMT5EncoderModel(UMT5Config(**{**dict(wan.SMALL_TEXT), "vocab_size": len(WORDS) + 3}))


def transformer(cls: type = WanVACETransformer3DModel) -> torch.nn.Module:
    described = wan.transformer(wan.TINY["1.3b"], vace=cls is WanVACETransformer3DModel)
    model = cls.from_config(described.config)
    with torch.no_grad():  # as initialised, the output hardly depends on text and control
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2 and "scale_shift" not in name:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
    return model.eval()


def scheduler(flow_shift: float = 3.0) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler.from_config({**wan.SCHEDULER, "flow_shift": flow_shift})


def save_vace(folder: Path) -> Path:
    """A folder like ``Wan-AI/Wan2.1-VACE-1.3B-diffusers``."""
    torch.manual_seed(0)
    WanVACEPipeline(
        tokenizer=tokenizer(),
        text_encoder=text_encoder().eval(),
        vae=vae().eval(),
        scheduler=scheduler(),
        transformer=transformer(),
    ).save_pretrained(folder)
    return folder


def save_phantom(folder: Path) -> Path:
    """A folder with the subfolder ``transformer``, plain Wan."""
    torch.manual_seed(1)
    transformer(WanTransformer3DModel).save_pretrained(folder / "transformer")
    return folder


def picture(seed: int = 0, size: tuple[int, int] = (40, 56)) -> Image.Image:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(
        0, 255, (size[1] // 8, size[0] // 8, 3), generator=generator, dtype=torch.uint8
    )
    return Image.fromarray(pixels.numpy()).resize(size)


OPTIONS = {
    "height": 32,
    "width": 48,
    "num_frames": 9,
    "fps": 8,
    "steps": 3,
    "max_sequence_length": 12,
    "negative_prompt": "blurred grey",
    "device": "cpu",
}


def native_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state dict under the names of the Wan authors' own files."""
    return {wan.native_name(name): value.clone() for name, value in model.state_dict().items()}

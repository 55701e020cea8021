"""Tiny random Wan checkpoints in the published layouts, made by the libraries' own classes."""

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
TRANSFORMER = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "text_dim": 16,
    "freq_dim": 32,
    "ffn_dim": 48,
    "num_layers": 4,
    "rope_max_seq_len": 64,
}


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
    return AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)


def text_encoder() -> UMT5EncoderModel:
    sizes = {"d_model": 16, "d_ff": 24, "d_kv": 8, "num_heads": 2, "num_layers": 1}
    return UMT5EncoderModel(UMT5Config(vocab_size=len(WORDS) + 3, **sizes))


def transformer(cls: type = WanVACETransformer3DModel) -> torch.nn.Module:
    vace = (
        {"vace_layers": [0, 2], "vace_in_channels": 96} if cls is WanVACETransformer3DModel else {}
    )
    model = cls(**TRANSFORMER, **vace)
    with torch.no_grad():  # as initialised, the output hardly depends on text and control
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2 and "scale_shift" not in name:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
    return model.eval()


def scheduler(flow_shift: float = 3.0) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=flow_shift
    )


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
NATIVE_NAMES = {
    "condition_embedder.time_embedder.linear_1": "time_embedding.0",
    "condition_embedder.time_embedder.linear_2": "time_embedding.2",
    "condition_embedder.text_embedder.linear_1": "text_embedding.0",
    "condition_embedder.text_embedder.linear_2": "text_embedding.2",
    "condition_embedder.time_proj": "time_projection.1",
    ".to_out.0.": ".o.",
    ".to_q.": ".q.",
    ".to_k.": ".k.",
    ".to_v.": ".v.",
    "attn1": "self_attn",
    "attn2": "cross_attn",
    "ffn.net.0.proj": "ffn.0",
    "ffn.net.2": "ffn.2",
    "norm2": "norm3",
    ".proj_in.": ".before_proj.",
    ".proj_out.": ".after_proj.",
}


def native_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state dict under the names of the Wan authors' own files."""
    renamed = {}
    for original, value in model.state_dict().items():
        name = original
        for ours, theirs in NATIVE_NAMES.items():
            name = name.replace(ours, theirs)
        if name.startswith("proj_out"):
            name = name.replace("proj_out", "head.head")
        elif name == "scale_shift_table":
            name = "head.modulation"
        renamed[name.replace("scale_shift_table", "modulation")] = value.clone()
    return renamed

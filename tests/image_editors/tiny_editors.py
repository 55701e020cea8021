"""Tiny image editors as seeded by torch, saved by the libraries' own classes.

Pins hang on these sizes, tokenizers and numbers; the rehearsal's own folders of the same models are loaded in ``tests/weights``.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    FluxFillPipeline,
    FluxTransformer2DModel,
    QwenImageEditPlusPipeline,
    QwenImageTransformer2DModel,
)
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tpige_kedro.image_editors.qwen_processor import PictureProcessor
from tpige_kedro.rehearsal.layouts import flux

VISION = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]


def randomised(model: Any) -> Any:
    """Initial weights hardly depend on what goes in; these do."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
    return model.eval()


def flow_scheduler() -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)


def clip_tokenizer() -> CLIPTokenizer:
    letters = [*string.ascii_lowercase, *(f"{c}</w>" for c in string.ascii_lowercase + ".,")]
    words = ["<|startoftext|>", "<|endoftext|>", *letters]
    return CLIPTokenizer(
        vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=77
    )


def t5_tokenizer() -> T5Tokenizer:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("▁", -2.0)]
    pieces += [(letter, -3.0) for letter in string.ascii_letters + ".,"]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)


def flux_transformer() -> FluxTransformer2DModel:
    """FLUX Fill in small: latents, masked latents and a mask of 8 x 8 go in packed, latents come out."""
    return randomised(FluxTransformer2DModel(**flux.TINY))


def save_flux_fill(folder: Path) -> Path:
    """A folder like ``black-forest-labs/FLUX.1-Fill-dev``."""
    torch.manual_seed(0)
    text, pieces = clip_tokenizer(), t5_tokenizer()
    clip = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    t5 = {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_heads": 2, "num_layers": 1}
    FluxFillPipeline(
        scheduler=flow_scheduler(),
        vae=AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 4, 4, 4),
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=2,
            use_quant_conv=False,
            use_post_quant_conv=False,
            shift_factor=0.1,
            scaling_factor=0.4,
        ).eval(),
        text_encoder=randomised(
            CLIPTextModel(
                CLIPTextConfig(vocab_size=len(text), num_attention_heads=2, eos_token_id=1, **clip)
            )
        ),
        tokenizer=text,
        text_encoder_2=randomised(T5EncoderModel(T5Config(vocab_size=len(pieces), **t5))),
        tokenizer_2=pieces,
        transformer=flux_transformer(),
    ).save_pretrained(folder)
    return folder


def lora_weights(rank: int = 2, alpha: float = 4.0) -> dict[str, torch.Tensor]:
    """A LoRA under the published keys."""
    generator = torch.Generator().manual_seed(7)
    weights = {}
    for name, (rows, columns) in flux.lora_matrices(flux.TINY).items():
        weights[f"lora_unet_{name}.lora_down.weight"] = torch.randn(
            rank, columns, generator=generator
        )
        weights[f"lora_unet_{name}.lora_up.weight"] = torch.randn(rows, rank, generator=generator)
        weights[f"lora_unet_{name}.alpha"] = torch.tensor(alpha)
    return weights


def save_lora(folder: Path) -> Path:
    """A folder like ``ali-vilab/ACE_Plus``."""
    file = folder / "portrait" / "comfyui_portrait_lora64.safetensors"
    file.parent.mkdir(parents=True)
    save_file(lora_weights(), str(file))
    return folder


def qwen_tokenizer() -> Qwen2Tokenizer:
    from tokenizers.pre_tokenizers import ByteLevel

    words = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|im_start|>", "<|im_end|>", *VISION]
    tokenizer = Qwen2Tokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[])
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>", "<|im_end|>", *VISION]}
    )
    return tokenizer


def qwen_text_encoder(tokenizer: Qwen2Tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    ids = dict(zip(VISION, tokenizer.convert_tokens_to_ids(VISION), strict=True))
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": 16,
            "fullatt_block_indexes": [0],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    return randomised(Qwen2_5_VLForConditionalGeneration(config))


def save_qwen_image_edit(folder: Path) -> Path:
    """A folder like ``Qwen/Qwen-Image-Edit-2509``."""
    torch.manual_seed(1)
    tokenizer = qwen_tokenizer()
    QwenImageEditPlusPipeline(
        scheduler=flow_scheduler(),
        vae=AutoencoderKLQwenImage(
            base_dim=3,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ).eval(),
        text_encoder=qwen_text_encoder(tokenizer),
        tokenizer=tokenizer,
        processor=PictureProcessor(
            Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 56), tokenizer
        ),
        transformer=randomised(
            QwenImageTransformer2DModel(
                in_channels=16,
                out_channels=4,
                num_layers=1,
                attention_head_dim=12,
                num_attention_heads=2,
                joint_attention_dim=16,
                axes_dims_rope=(4, 4, 4),
            )
        ),
    ).save_pretrained(folder)
    publish_processor(folder)
    return folder


def publish_processor(folder: Path) -> None:
    """The processor under the class and the file names that the published folder has."""
    index = json.loads((folder / "model_index.json").read_text())
    index["processor"] = ["transformers", "Qwen2VLProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index))
    saved = folder / "processor" / "processor_config.json"
    settings = json.loads(saved.read_text())["image_processor"]
    settings |= {"image_processor_type": "Qwen2VLImageProcessorFast"}
    saved.unlink()
    (folder / "processor" / "preprocessor_config.json").write_text(json.dumps(settings))


def picture(seed: int = 0, size: tuple[int, int] = (40, 40)) -> Image.Image:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 255, (size[1] // 8, size[0] // 8, 3), generator=generator)
    return Image.fromarray(pixels.to(torch.uint8).numpy()).resize(size)

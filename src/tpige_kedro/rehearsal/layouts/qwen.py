"""The Qwen-VL family in its published layouts: the reader Qwen2.5-VL-7B and the scorer GME-Qwen2-VL-2B."""

from __future__ import annotations

from typing import Any

import torch

from tpige_kedro.rehearsal.files import File, json_file, network_files, text_file
from tpige_kedro.rehearsal.layouts.tokenizers import QWEN_SPECIAL, QWEN_WORDS, qwen_files, qwen_ids
from tpige_kedro.rehearsal.shapes import meta, tensors_of

TINY_WORDS = 256
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def published_name(name: str) -> str:
    """A name of transformers 5 as the files have it.

    >>> published_name("model.language_model.layers.0.mlp.up_proj.weight")
    'model.layers.0.mlp.up_proj.weight'
    """
    name = name.replace("model.language_model.", "model.")
    return name.replace("model.visual.", "visual.")


def token_ids(words: int) -> dict[str, int]:
    """The special tokens as a config names them."""
    ids = qwen_ids(words)
    return {
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_token_id": ids["<|vision_pad|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
    }


def picture_settings(largest: int = 12845056) -> dict[str, Any]:
    """``preprocessor_config.json``."""
    return {
        "image_mean": MEAN,
        "image_std": STD,
        "image_processor_type": "Qwen2VLImageProcessor",
        "max_pixels": largest,
        "merge_size": 2,
        "min_pixels": 3136,
        "patch_size": 14,
        "temporal_patch_size": 2,
    }


def reader_config(tiny: bool) -> dict[str, Any]:
    """Qwen2.5-VL-7B-Instruct."""
    text = {
        "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
        "num_key_value_heads": 4, "vocab_size": 152064, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    }  # fmt: skip
    vision = {
        "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584,
        "fullatt_block_indexes": [7, 15, 23, 31], "window_size": 112,
    }  # fmt: skip
    if tiny:
        text |= {
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
            "vocab_size": TINY_WORDS + len(QWEN_SPECIAL), "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        }  # fmt: skip
        vision |= {
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32,
            "fullatt_block_indexes": [1], "window_size": 56,
        }  # fmt: skip
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        **text,
        **token_ids(TINY_WORDS if tiny else QWEN_WORDS),
        "hidden_act": "silu",
        "max_position_embeddings": 128000,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "sliding_window": 32768,
        "use_sliding_window": False,
        "max_window_layers": 28,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "vision_config": {
            **vision,
            "in_chans": 3,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "spatial_patch_size": 14,
            "temporal_patch_size": 2,
            "tokens_per_second": 2,
            "hidden_act": "silu",
        },
    }


def reader(tiny: bool) -> list[File]:
    """A folder like ``Qwen/Qwen2.5-VL-7B-Instruct``."""
    words = TINY_WORDS if tiny else QWEN_WORDS
    return [*reader_network("", tiny), *reader_texts(words, 56 * 56 if tiny else 12845056)]


def reader_network(folder: str, tiny: bool, shards: int = 5) -> list[File]:
    """Config and weights."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    config = reader_config(tiny)
    network = meta(lambda: Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**config)))
    tensors = tensors_of(network, torch.bfloat16, published_name)
    return [
        json_file(f"{folder}config.json", config),
        *network_files(folder.rstrip("/"), "model", tensors, shards),
    ]


def reader_texts(words: int, largest: int) -> list[File]:
    """Tokenizer, chat template, and how answers are made."""
    ids = qwen_ids(words)
    ends = {
        "bos_token_id": ids["<|endoftext|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
    }
    return [
        *qwen_files(words=words),
        json_file("preprocessor_config.json", picture_settings(largest)),
        json_file("chat_template.json", {"chat_template": CHAT}),
        json_file("generation_config.json", {**ends, "do_sample": True, "temperature": 1e-06}),
    ]


def gme_config(tiny: bool) -> dict[str, Any]:
    """GME-Qwen2-VL-2B-Instruct."""
    text = {
        "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
        "num_key_value_heads": 2, "vocab_size": 151936, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    }  # fmt: skip
    vision = {"depth": 32, "embed_dim": 1280, "hidden_size": 1536, "mlp_ratio": 4, "num_heads": 16}
    if tiny:
        text |= {
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
            "vocab_size": TINY_WORDS + len(QWEN_SPECIAL), "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        }  # fmt: skip
        vision |= {"depth": 1, "embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2, "num_heads": 2}
    return {
        "architectures": ["GmeQwen2VL"],
        "model_type": "qwen2_vl",
        "auto_map": {"AutoModel": "modeling_gme_qwen2vl.GmeQwen2VL"},
        **text,
        **token_ids(TINY_WORDS if tiny else QWEN_WORDS),
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "vision_config": {
            **vision,
            "in_chans": 3,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "spatial_patch_size": 14,
            "temporal_patch_size": 2,
        },
    }


def gme(tiny: bool, shards: int = 3) -> list[File]:
    """A folder like ``Alibaba-NLP/gme-Qwen2-VL-2B-Instruct``, its remote code included, which nothing may run."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    config = gme_config(tiny)
    known = {
        key: value for key, value in config.items() if key not in {"auto_map", "architectures"}
    }
    network = meta(lambda: Qwen2VLForConditionalGeneration(Qwen2VLConfig(**known)))
    tensors = tensors_of(network, torch.bfloat16, published_name, without={"lm_head.weight"})
    return [
        json_file("config.json", config),
        text_file("modeling_gme_qwen2vl.py", "raise ImportError('transformers<4.52.0')\n"),
        *network_files("", "model", tensors, shards),
        *qwen_files(words=TINY_WORDS if tiny else QWEN_WORDS),
        json_file("preprocessor_config.json", picture_settings()),
    ]

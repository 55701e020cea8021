"""Published file names, with contents of a few kB: also of files that nobody needs, such as other frameworks' formats."""

from __future__ import annotations

import json
from random import Random


def _made_up(*names: str) -> dict[str, bytes]:
    """Contents of a few kB; JSON for JSON, and indices that list the shards beside them."""
    files = {}
    for name in names:
        folder, _, base = name.rpartition("/")
        if base.endswith(".index.json"):
            shards = [
                n for n in names if n.startswith(f"{folder}/" if folder else "") and "-of-" in n
            ]
            weight_map = {f"tensor_{i}": n.rpartition("/")[2] for i, n in enumerate(shards)}
            files[name] = json.dumps({"metadata": {}, "weight_map": weight_map}).encode()
        elif base == "model_index.json":
            kinds = {n.partition("/")[0] for n in names if "/" in n}
            parts = {kind: ["library", _class_name(kind)] for kind in sorted(kinds)}
            files[name] = json.dumps({"_class_name": "Pipeline", **parts}).encode()
        elif base == "config.json":
            own = (
                {"_class_name": folder}
                if folder in {"transformer", "vae"}
                else {"architectures": [folder]}
            )
            files[name] = json.dumps(own).encode()
        elif base.endswith(".json"):
            files[name] = json.dumps({"name": name}).encode()
        else:
            files[name] = Random(name).randbytes(2000 + len(name))
    return files


def _class_name(kind: str) -> str:
    return {"scheduler": "AScheduler", "tokenizer": "ATokenizer", "tokenizer_2": "ATokenizer"}.get(
        kind, "AProcessor" if kind == "processor" else "ANetwork"
    )


def _shards(stem: str, count: int) -> list[str]:
    names = [f"{stem}-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)]
    return [*names, f"{stem}.safetensors.index.json"]


_UMT5 = [
    "text_encoder/config.json",
    *_shards("text_encoder/model", 5),
    *(f"tokenizer/{n}" for n in ("special_tokens_map.json", "spiece.model", "tokenizer.json")),
    "tokenizer/tokenizer_config.json",
]
_WAN = [
    *("README.md", ".gitattributes", "model_index.json", "scheduler/scheduler_config.json"),
    *("vae/config.json", "vae/diffusion_pytorch_model.safetensors", "assets/logo.png", *_UMT5),
]
_TRANSFORMER = "transformer/diffusion_pytorch_model"
LAYOUTS: dict[str, dict[str, bytes]] = {
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers": _made_up(
        *_WAN, "transformer/config.json", *_shards(_TRANSFORMER, 2)
    ),
    "Wan-AI/Wan2.1-VACE-14B-diffusers": _made_up(
        *_WAN, "transformer/config.json", *_shards(_TRANSFORMER, 8)
    ),
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": _made_up(
        *_WAN, "transformer/config.json", f"{_TRANSFORMER}.safetensors"
    ),
    "Wan-AI/Wan2.1-T2V-14B-Diffusers": _made_up(
        *_WAN, "transformer/config.json", *_shards(_TRANSFORMER, 12)
    ),
    "Qwen/Qwen2.5-VL-7B-Instruct": _made_up(
        *("README.md", "config.json", "generation_config.json", "merges.txt", "vocab.json"),
        *(
            "tokenizer.json",
            "tokenizer_config.json",
            "preprocessor_config.json",
            "chat_template.json",
        ),
        *_shards("model", 5),
    ),
    "Qwen/Qwen-Image-Edit-2509": _made_up(
        *("README.md", "model_index.json", "scheduler/scheduler_config.json", "vae/config.json"),
        *("vae/diffusion_pytorch_model.safetensors", "transformer/config.json"),
        *_shards(_TRANSFORMER, 5),
        *("text_encoder/config.json", *_shards("text_encoder/model", 4)),
        *("tokenizer/merges.txt", "tokenizer/vocab.json", "tokenizer/tokenizer_config.json"),
        *("processor/preprocessor_config.json", "processor/tokenizer.json"),
    ),
    "bytedance-research/Phantom": _made_up(
        "README.md", "Phantom-Wan-1.3B.pth", *_shards("Phantom_Wan_14B", 6)
    ),
    "openai/clip-vit-base-patch16": _made_up(
        *("README.md", "config.json", "flax_model.msgpack", "merges.txt", "pytorch_model.bin"),
        *("preprocessor_config.json", "special_tokens_map.json", "tf_model.h5", "tokenizer.json"),
        *("tokenizer_config.json", "vocab.json"),
    ),
    "Alibaba-NLP/gme-Qwen2-VL-2B-Instruct": _made_up(
        *(
            "README.md",
            "config.json",
            "merges.txt",
            "vocab.json",
            "tokenizer.json",
            "gme_inference.py",
        ),
        *("tokenizer_config.json", "preprocessor_config.json", "chat_template.json"),
        *_shards("model", 3),
    ),
    "black-forest-labs/FLUX.1-Fill-dev": _made_up(
        *("README.md", "model_index.json", "flux1-fill-dev.safetensors", "ae.safetensors"),
        *("scheduler/scheduler_config.json", "vae/config.json", "transformer/config.json"),
        *("vae/diffusion_pytorch_model.safetensors", *_shards(_TRANSFORMER, 3)),
        *("text_encoder/config.json", "text_encoder/model.safetensors"),
        *("text_encoder_2/config.json", *_shards("text_encoder_2/model", 2)),
        *("tokenizer/merges.txt", "tokenizer/vocab.json", "tokenizer/tokenizer_config.json"),
        *("tokenizer_2/spiece.model", "tokenizer_2/tokenizer.json"),
    ),
    "ali-vilab/ACE_Plus": _made_up(
        "README.md",
        *("portrait/ace_plus_portrait_lora64.safetensors",),
        *(
            "portrait/comfyui_portrait_lora64.safetensors",
            "subject/comfyui_subject_lora16.safetensors",
        ),
    ),
    "lightx2v/Wan2.1-Distill-Loras": _made_up(
        "README.md",
        "wan2.1_t2v_14b_lora_rank64_lightx2v_4step.safetensors",
        "wan2.1_i2v_lora_rank64_lightx2v_4step.safetensors",
    ),
    "Kijai/WanVideo_comfy": _made_up(
        *("README.md", "Wan2_1-T2V-1_3B_bf16.safetensors", "umt5-xxl-enc-bf16.safetensors"),
        "LoRAs/Wan2_1_self_forcing_1_3B/Wan2_1_self_forcing_dmd_1_3B_lora_rank_32_fp16.safetensors",
    ),
    "lalala125/AMT": _made_up("README.md", "amt-s.pth", "amt-l.pth", "amt-g.pth"),
    "chaofengc/IQA-PyTorch-Weights": _made_up(
        "README.md", "musiq_spaq_ckpt-358bb6af.pth", "musiq_koniq_ckpt-e95806b9.pth"
    ),
    "BestWishYsh/ConsisID-preview": _made_up(
        "README.md", "face_encoder/glint360k_curricular_face_r101_backbone.bin"
    ),
}

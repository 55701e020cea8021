"""Published layouts of LoRA files for Wan: which key holds which part of the change of which module.

* diffusers and peft: ``transformer.blocks.0.attn1.to_q.lora_A.weight`` and ``.lora_B.weight``, with or without the prefix, alpha in the
  file's metadata;
* native, as DiffSynth and the Wan authors write: ``blocks.0.self_attn.q.lora_A.weight``, with or without ``diffusion_model.``;
* LightX2V and ComfyUI: ``diffusion_model.blocks.0.self_attn.q.lora_down.weight``, ``.lora_up.weight``, ``.alpha``, and whole differences:
  ``.diff`` of a weight, ``.diff_b`` of a bias, ``.diff_m`` of a modulation;
* kohya: ``lora_unet_blocks_0_self_attn_q.lora_down.weight``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import nn

from tpige_kedro.video_generators.loras.names import spellings

PREFIXES = ("transformer.", "diffusion_model.", "lora_unet_", "")
DOWN, UP, UP_BIAS, ALPHA = "down", "up", "up_bias", "alpha"
WEIGHT, BIAS, MODULATION = (
    "weight",
    "bias",
    "scale_shift_table",
)  # of the parameters that are changed
PARTS = {
    ".lora_down.weight": DOWN,
    ".lora_up.weight": UP,
    ".lora_A.weight": DOWN,
    ".lora_B.weight": UP,
    ".lora_A.default.weight": DOWN,  # with the name that peft gives the only adapter
    ".lora_B.default.weight": UP,
    ".lora_B.bias": UP_BIAS,
    ".alpha": ALPHA,
    ".diff": WEIGHT,
    ".diff_b": BIAS,
    ".diff_m": MODULATION,
}
METADATA = "lora_adapter_metadata"  # under which diffusers writes the settings of peft
CHANGES_THE_SUM = (
    "use_rslora",
    "use_dora",
    "alpha_pattern",
)  # settings under which alpha / rank is not the factor

Parts = dict[str, torch.Tensor]


def by_module(transformer: nn.Module, weights: Mapping[str, torch.Tensor]) -> dict[str, Parts]:
    """The tensors of a file by the path of the module in ``transformer`` and the part that they are of its change.

    Raises:
        ValueError: keys that no module takes, or two for the same part; it names the first ones.
    """
    known = spellings(transformer)
    modules: dict[str, Parts] = {}
    unknown, repeated = [], []
    for key, value in weights.items():
        found = _place(key, known)
        if found is None:
            unknown.append(key)
        elif found[1] in modules.setdefault(found[0], {}):
            repeated.append(key)
        else:
            modules[found[0]][found[1]] = value
    if unknown:
        name = type(transformer).__name__
        raise ValueError(
            f"no module of {name} takes {len(unknown)} of its {len(weights)} keys: {first(unknown)}{_hint(unknown)}"
        )
    if repeated:
        raise ValueError(f"two keys for one matrix: {first(repeated)}")
    if not modules:
        raise ValueError("it holds no weights")
    return modules


def default_alpha(metadata: Mapping[str, str]) -> float | None:
    """The alpha of all matrices that the metadata of a file gives, if any.

    Raises:
        ValueError: the metadata has settings under which a matrix is not multiplied by alpha / rank.

    >>> default_alpha(
    ...     {"lora_adapter_metadata": '{"transformer.lora_alpha": 8, "transformer.r": 4}'}
    ... )
    8.0
    """
    settings = json.loads(metadata.get(METADATA, "{}"))
    own = {key.removeprefix("transformer."): value for key, value in settings.items()}
    special = [name for name in CHANGES_THE_SUM if own.get(name)]
    if special:
        raise ValueError(f"its metadata sets {', '.join(special)}, which is not supported")
    return float(own["lora_alpha"]) if own.get("lora_alpha") is not None else None


def first(keys: Iterable[str], count: int = 3) -> str:
    """The first of ``keys``, for a message.

    >>> first(["a", "b", "c", "d"])
    'a, b, c …'
    """
    names = list(keys)
    return ", ".join(names[:count]) + (" …" if len(names) > count else "")


def _place(key: str, known: Mapping[str, str]) -> tuple[str, str] | None:
    """The module that a key belongs to, and which part of its change it is."""
    for ending, part in PARTS.items():
        if key.endswith(ending):
            for name in _without_prefix(key.removesuffix(ending)):
                if name in known:
                    return known[name], part
    return None


def _without_prefix(stem: str) -> Iterator[str]:
    for prefix in PREFIXES:
        if stem.startswith(prefix):
            yield stem.removeprefix(prefix)


def _hint(unknown: Iterable[str]) -> str:
    """What such keys are of, where that is known."""
    kinds = {
        "an image-to-video LoRA": ("k_img", "v_img", "img_emb", "add_k_proj", "image_embedder"),
        "a VACE LoRA": ("vace_blocks", "vace_patch_embedding"),
        "DoRA": ("dora_scale", "lora_magnitude_vector"),
        "LoHa or LoKr": ("hada_w", "lokr_w"),
    }
    for kind, words in kinds.items():
        if any(word in key for key in unknown for word in words):
            return f" (they are of {kind})"
    return ""

"""Which kernel computes attention: one of PyTorch's, FlashAttention 3 or SageAttention, through diffusers' dispatch.

FlashAttention 3 comes from the wheel ``fa3-fwd`` (the extra ``flash3``), whose module has another name than the one that diffusers
looks for, so :mod:`.flash_3` adds it to the dispatch.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from tpige_kedro.errors import ModelError

if TYPE_CHECKING:
    import torch

Attention = Literal["auto", "native", "cudnn", "flash_3", "flash_3_fp8", "sage"]

DIFFUSERS_NAMES = {"native": "native", "cudnn": "_native_cudnn", "sage": "sage"}
HOPPER = (9, 0)
FLASH_3_MODULE, FLASH_3_SIDES = "fa3_fwd_interface", (64, 96, 128, 192, 256)


def chosen_attention(
    asked: Attention, device: torch.device, dtype: torch.dtype, head_dim: int
) -> str:
    """The kernel that ``asked`` stands for on this machine: itself, or for ``auto`` the fastest exact one.

    docs/performance.md has the times. ``auto`` never takes ``flash_3_fp8`` or ``sage``, which compute in 8 bits.

    Args:
        asked: the option ``attention``.
        device: where the transformer is.
        dtype: in which it computes.
        head_dim: channels of one head.

    Raises:
        ModelError: this machine cannot do what was asked for; says why, and what to install or set.
    """
    if asked == "auto":
        return "native" if _flash_3_problem(device, dtype, head_dim) else "flash_3"
    problem = _problem(asked, device, dtype, head_dim)
    if problem:
        raise ModelError(f"options.attention: {asked} cannot run: {problem}; set attention: auto")
    return asked


def set_attention(transformer: Any, kernel: str) -> None:
    """Let all attentions of ``transformer`` be computed by ``kernel``; other models stay as they are."""
    for module in transformer.modules():
        processor = getattr(module, "processor", None)
        if processor is not None and hasattr(processor, "_attention_backend"):
            processor._attention_backend = _backend(kernel)


def _backend(kernel: str) -> Any:
    from diffusers.models.attention_dispatch import AttentionBackendName

    from tpige_kedro.video_generators.flash_3 import flash_3_backend

    if kernel.startswith("flash_3"):
        return flash_3_backend(fp8=kernel.endswith("fp8"))
    return AttentionBackendName(DIFFUSERS_NAMES[kernel])


def _problem(kernel: str, device: torch.device, dtype: torch.dtype, head_dim: int) -> str:
    if kernel != "native" and device.type != "cuda":
        return "it needs a GPU"
    if kernel.startswith("flash_3"):
        return _flash_3_problem(device, dtype, head_dim)
    if kernel in ("cudnn", "sage") and dtype.itemsize != 2:
        return f"it computes in 16 bits, the model in {str(dtype).removeprefix('torch.')}"
    if kernel == "sage" and find_spec("sageattention") is None:
        return "its package is not installed: pip install sageattention"
    return ""


def _flash_3_problem(device: torch.device, dtype: torch.dtype, head_dim: int) -> str:
    import torch

    if device.type != "cuda" or torch.cuda.get_device_capability(device) != HOPPER:
        return "FlashAttention 3 needs a Hopper GPU (H100, H200)"
    if dtype != torch.bfloat16:
        return f"FlashAttention 3 computes in bfloat16, the model in {str(dtype).removeprefix('torch.')}"
    if head_dim not in FLASH_3_SIDES:
        return f"FlashAttention 3 has no kernel for heads of {head_dim} channels"
    if find_spec(FLASH_3_MODULE) is None:
        return "its package is not installed: pip install 'tpige_kedro[flash3]'"
    return ""

"""Where the parts of a Wan model live and in which precision their weights are stored."""

from __future__ import annotations

from typing import Any

import torch

from tpige_kedro.networks.devices import pick_device
from tpige_kedro.video_generators.wan_options import WanOptions

GEOMETRIES = 64  # that one process compiles; torch's own limit, 8, ends a run at the ninth


def device_and_dtype(options: WanOptions) -> tuple[torch.device, torch.dtype]:
    """Where and in which precision the transformer computes."""
    device = pick_device(options.device)
    name = options.dtype or ("bfloat16" if device.type == "cuda" else "float32")
    return device, getattr(torch, name)


def first_device(options: WanOptions, device: torch.device) -> torch.device:
    """Where transformer and VAE are loaded to: where they compute, unless they are to stay in or shrink in the host's memory."""
    on_host = options.offload != "none" or options.fp8_storage
    return torch.device("cpu") if on_host else device


def streamed_text_encoder(encoder: Any, device: torch.device) -> Any:
    """The text encoder in host memory, each layer of which is copied to ``device`` while it computes.

    Nothing is copied back: weights that are mapped from their file stay so, and take no memory of the process.
    """
    from accelerate import cpu_offload

    return cpu_offload(encoder, execution_device=device, offload_buffers=True)


def place(
    transformer: Any, vae: Any, device: torch.device, dtype: torch.dtype, options: WanOptions
) -> None:
    """Bring ``transformer`` and ``vae`` to ``device`` as ``options`` say (see :class:`WanOptions`)."""
    vae.enable_slicing()  # one clip of a batch at a time: exact, and the memory of one
    if options.vae_tiling:
        vae.enable_tiling()
    if options.fp8_storage:
        transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)
    if options.offload == "model":
        from accelerate import cpu_offload_with_hook

        _, hook = cpu_offload_with_hook(transformer, device)
        cpu_offload_with_hook(vae, device, prev_module_hook=hook)
        return
    vae.to(device)
    if options.compile_vae:  # the first group of frames, the second and all others: a graph each
        vae.decoder.compile(fullgraph=True, dynamic=False)
    if (
        options.compile
    ):  # static: form `t2v` sees a frame less, which must not turn all kernels into dynamic ones
        allow_geometries()
        transformer.compile_repeated_blocks(fullgraph=True, dynamic=False)
    if options.offload == "group":
        transformer.enable_group_offload(onload_device=device, offload_type="leaf_level")
    else:
        transformer.to(device)


def allow_geometries() -> None:
    """Let torch compile a block for as many geometries as clips have: sizes, lengths, references and batches all count."""
    import torch._dynamo

    config: Any = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, GEOMETRIES)

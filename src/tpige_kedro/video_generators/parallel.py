"""One clip on several GPUs, exactly: the tokens of every forward split over them, or one branch of the guidance on each.

Both need a ``torch.distributed`` process group in which every rank makes the same call with the same requests and seeds;
:class:`~tpige_kedro.video_generators.several_gpus.SeveralGpus` starts one, ``torchrun`` does for a script of your own.

* Context parallel (Ulysses): each rank holds 1/n of the tokens; around self-attention, heads are exchanged for tokens. One
  forward gets about n times as fast. diffusers has no plan for VACE: its hints are made from the same tokens, so they are split too.
* Branch parallel: cond, uncond and weak are independent, so each rank runs one, and all combine all of them. A step then
  takes as long as one forward instead of three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist

from tpige_kedro.errors import ModelError
from tpige_kedro.video_generators.wan_options import WanOptions


def set_up(transformer: Any, options: WanOptions, device: torch.device) -> None:
    """Bring ``transformer`` to what ``options.parallel`` says; call it on every rank once the weights are on ``device``.

    Raises:
        ModelError: there is no process group.
        ValueError: naming the option, if model, size or number of ranks do not match.
    """
    parallel = options.parallel
    if parallel.context == 1 and not parallel.branches:
        return
    if not dist.is_initialized():
        raise ModelError(
            "parallel: this process is alone; set the model's type to "
            "tpige_kedro.video_generators.several_gpus.SeveralGpus, or start your script with torchrun"
        )
    if parallel.context > 1:
        _check_context(transformer, options)
        _split_context(transformer, parallel.context, device)


def check_skipping(layers: Sequence[int], options: WanOptions) -> None:
    """Raise ``ValueError`` if layer 0 is to be skipped under context parallel: it is where the tokens are split."""
    if options.parallel.context > 1 and 0 in layers:
        raise ValueError(
            "guidance.skip_layers: layer 0 cannot be skipped with parallel.context > 1"
        )


def is_mine(branch: int) -> bool:
    """Whether the ``branch``-th of a step runs on this rank."""
    return branch % dist.get_world_size() == dist.get_rank()


def share(predictions: Sequence[torch.Tensor]) -> None:
    """Give every rank all predictions of a step, in place; each holds its own (:func:`is_mine`) and space for the others."""
    for branch, prediction in enumerate(predictions):
        dist.broadcast(prediction, src=branch % dist.get_world_size())


def added_up(counts: Counter[str]) -> Counter[str]:
    """The sum of what all ranks counted; every rank gets it."""
    every: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(every, counts)
    return sum(every, Counter())


def _check_context(transformer: Any, options: WanOptions) -> None:
    ranks, heads = options.parallel.context, transformer.config.num_attention_heads
    tokens = (options.height // 16) * (options.width // 16)
    if ranks != dist.get_world_size():
        raise ValueError(
            f"parallel.context: {ranks}, but there are {dist.get_world_size()} processes; they must be as many"
        )
    if heads % ranks:
        raise ValueError(f"parallel.context: {ranks} does not divide the model's {heads} heads")
    if tokens % ranks:
        raise ValueError(
            f"parallel.context: {ranks} does not divide the {tokens} tokens of a frame "
            f"of {options.width}x{options.height}; change width or height"
        )


def _split_context(transformer: Any, ranks: int, device: torch.device) -> None:
    """What diffusers' ``enable_parallelism`` does, which asks for an accelerator even with a mesh of its own."""
    from diffusers.hooks.context_parallel import apply_context_parallel
    from diffusers.models._modeling_parallel import ContextParallelConfig, ParallelConfig
    from torch.distributed.device_mesh import init_device_mesh

    split = ContextParallelConfig(ulysses_degree=ranks)
    mesh = init_device_mesh(device.type, split.mesh_shape, mesh_dim_names=split.mesh_dim_names)
    config = ParallelConfig(context_parallel_config=split)
    config.setup(dist.get_rank(), dist.get_world_size(), device, mesh=mesh)
    for module in transformer.modules():
        processor: Any = getattr(module, "processor", None)
        if hasattr(processor, "_parallel_config"):
            processor._parallel_config = config
    apply_context_parallel(transformer, split, _plan(transformer))


def _plan(transformer: Any) -> dict[str, Any]:
    """Where tokens are split and gathered again: positions, the first block, the first VACE block, the output."""
    from diffusers.models._modeling_parallel import ContextParallelInput, ContextParallelOutput

    tokens = ContextParallelInput(split_dim=1, expected_dims=3)
    positions = ContextParallelInput(split_dim=1, expected_dims=4, split_output=True)
    plan: dict[str, Any] = {
        "rope": {0: positions, 1: positions},
        "blocks.0": {"hidden_states": tokens},
        "proj_out": ContextParallelOutput(gather_dim=1, expected_dims=3),
    }
    if hasattr(transformer, "vace_blocks"):
        plan["vace_blocks.0"] = {"hidden_states": tokens, "control_hidden_states": tokens}
    return plan

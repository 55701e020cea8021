"""From mapped files to the memory where a network computes, one tensor at a time; and into networks that have memory already."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tpige_kedro.weights.checkpoints import Checkpoint, without_prefix
from tpige_kedro.weights.whole import check_whole

COUNTERS = r"\.num_batches_tracked$"  # of batch norm: absent in old files, not used in prediction


def fill(
    network: nn.Module,
    tensors: dict[str, Tensor],
    device: torch.device | str,
    dtype_of: Callable[[str], torch.dtype],
    placed: Callable[[str], None] | None = None,
) -> None:
    """Give ``network``, built without memory, its weights on ``device``.

    Args:
        network: its parameters are on the device ``meta``; buffers that it computed itself move along.
        tensors: one for each of its parameters and saved buffers, shapes checked. Emptied on the way, so that files that are done
            are no longer mapped.
        device: where the network will compute; the host holds one tensor at a time if that is a GPU.
        dtype_of: the precision of a tensor of floating numbers by its name; others stay as they are.
        placed: called with the name of each tensor once it is there; it may change or replace the module that holds it.
    """
    wanted = network.state_dict()
    for name in list(tensors):
        tensor = tensors.pop(name)
        if name in wanted:
            dtype = dtype_of(name) if tensor.is_floating_point() else tensor.dtype
            _put(network, name, tensor.to(device=device, dtype=dtype).contiguous())
            if placed is not None:
                placed(name)
    network.to(device)


def _put(network: nn.Module, name: str, value: Tensor) -> None:
    path, _, leaf = name.rpartition(".")
    module = network.get_submodule(path)
    if leaf in module._parameters:
        old = module._parameters[leaf]
        assert old is not None
        module._parameters[leaf] = nn.Parameter(value, requires_grad=old.requires_grad)
    else:
        module._buffers[leaf] = value


def load_whole(network: nn.Module, checkpoint: Checkpoint, remedy: str = "") -> None:
    """Copy a checkpoint into a small network that has its own memory. Raises :class:`ModelError` if it does not fit exactly."""
    wanted = network.state_dict()
    held = without_prefix(checkpoint.tensors, wanted)
    name = type(network).__name__
    check_whole(name, checkpoint.where, wanted, held, optional=(COUNTERS,), remedy=remedy)
    network.load_state_dict(held, strict=False)  # checked above; counters may be absent

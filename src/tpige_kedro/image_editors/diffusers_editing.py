"""What the editors that run a diffusers pipeline share: settings, placement, and one picture after another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from PIL.Image import Image

from tpige_kedro.errors import SampleError
from tpige_kedro.image_editors.editor_options import EditorOptions
from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.networks.devices import pick_device

logger = logging.getLogger(__name__)

SAVE_MEMORY = "set the model's options offload: model or offload: sequential, or make height and width smaller"


def device_and_dtype(options: EditorOptions) -> tuple[torch.device, torch.dtype]:
    """Where and in which precision the pipeline computes."""
    device = pick_device(options.device)
    name = options.dtype or ("bfloat16" if device.type == "cuda" else "float32")
    return device, getattr(torch, name)


def first_device(options: EditorOptions, device: torch.device) -> torch.device:
    """Where the networks are loaded to: where they compute, unless they are to stay in the host's memory."""
    return device if options.offload == "none" else torch.device("cpu")


def place(pipeline: Any, device: torch.device, options: EditorOptions) -> None:
    """Bring the parts to the device as ``options`` say."""
    if options.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif options.offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)


def edit_one_by_one(
    requests: Sequence[EditRequest], draw: Callable[[EditRequest, torch.Generator], Image]
) -> Iterator[tuple[EditRequest, Image | Exception]]:
    """Each request with its picture, or with the exception that ``draw`` ended in. The noise comes from its own seed."""
    for request in requests:
        try:
            picture: Image | Exception = draw(request, torch.Generator().manual_seed(request.seed))
        except torch.cuda.OutOfMemoryError as error:
            problem = f"out of GPU memory ({str(error).splitlines()[0]})"
            picture = SampleError(request.sample_id, problem, SAVE_MEMORY)
        except Exception as error:  # whatever a model raises: named in the record, the others go on
            logger.debug("sample %s: drawing failed", request.sample_id, exc_info=error)
            picture = error
        if isinstance(picture, SampleError):
            torch.cuda.empty_cache()  # here, not above: the traceback holds the tensors
        yield request, picture

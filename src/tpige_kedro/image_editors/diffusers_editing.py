"""What the editors that run a diffusers pipeline share: settings, loading, placement, and one picture after another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from PIL.Image import Image

from tpige_kedro.errors import ModelError, SampleError
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


def load_pipeline(
    cls: Any,
    source: str,
    revision: str | None,
    dtype: torch.dtype,
    load_parts: Callable[[], dict[str, Any]] = dict,
) -> Any:
    """A pipeline from a folder in diffusers' layout or a hub id; ``load_parts`` loads those that diffusers shall not load.

    Raises:
        ModelError: names the source and what to set.
    """
    try:
        pipeline = cls.from_pretrained(
            source, revision=revision, dtype=dtype, use_safetensors=True, **load_parts()
        )
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"model source {source!r} cannot be loaded as {cls.__name__} ({reason}); set models.<name>.source to a folder or "
            "hub id in diffusers' layout, and HF_TOKEN if its licence has to be accepted first"
        ) from error
    # its steps on a terminal while they run, nothing in a log
    pipeline.set_progress_bar_config(disable=None, leave=False)
    return pipeline


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

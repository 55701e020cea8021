"""Which models are in memory at the same time, and on which device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tpige_kedro.schemas import ModelSpec, Parameters

CUDA = "cuda"


def loaded_together(needed: Mapping[str, str], parameters: Parameters) -> Iterator[tuple[str, ...]]:
    """Groups of needed models that the stages load together; before a group is loaded, the one before it is let go.

    The editor and the judge of references are one group, the scorers are one unless ``scoring.one_family_at_a_time``; every other
    model is alone.
    """
    scoring, drawing = parameters.scoring, parameters.reference_enhancement
    sets: list[tuple[str, ...]] = [(drawing.editor, drawing.judge)]
    if not scoring.one_family_at_a_time:
        sets.append(scoring.scorers)
    grouped = [tuple(n for n in dict.fromkeys(names) if n in needed) for names in sets]
    several = {name for group in grouped for name in group}
    yield from filter(None, grouped)
    yield from ((name,) for name in needed if name not in several)


# options that save GPU memory, as generators, editors and language models take them, and how to set them
SAVING = {
    "offload": "offload: model",
    "fp8_storage": "fp8_storage: true",
    "vae_tiling": "vae_tiling: true",
    "free_text_encoder": "free_text_encoder: true",
    "stream_text_encoder": "stream_text_encoder: true",
    "quantisation": "quantisation: fp8",
    "gpu_gib": "gpu_gib: a smaller number",
}
OFF = (None, False, "none")


def unmeasured_options(spec: ModelSpec) -> list[str]:
    """The options by which a model saves memory and that were others when its memory was measured.

    >>> need = {"gpu": 22.9, "holds_for": {"free_text_encoder": True}}
    >>> options = {"free_text_encoder": True, "offload": "model"}
    >>> unmeasured_options(ModelSpec(type="a.B", licence="MIT", memory=need, options=options))
    ['offload: model']
    """
    then, now = spec.memory.holds_for, spec.options
    changed = (n for n in SAVING if _set(then.get(n)) != _set(now.get(n)))
    return [f"{name}: {str(now.get(name, 'not set')).lower()}" for name in changed]


def _set(value: object) -> Any:
    return None if value in OFF else value


def gpu_need(spec: ModelSpec) -> float:
    """GiB of its GPU that a model was measured to need with these options; 0 if nobody measured that."""
    return 0.0 if unmeasured_options(spec) else spec.memory.gpu or 0.0


def host_need(spec: ModelSpec) -> float:
    """The same of host memory."""
    return 0.0 if unmeasured_options(spec) else spec.memory.host or 0.0


def cards_of(spec: ModelSpec) -> tuple[int, ...] | None:
    """The numbers of the GPUs that a model runs on; None if its options put it elsewhere.

    >>> cards_of(ModelSpec(type="a.B", licence="MIT", options={"device": "cuda:1"}))
    (1,)
    >>> cards_of(ModelSpec(type="a.B", licence="MIT", options={"gpus": 2}))
    (0, 1)
    """
    device, _, number = str(spec.options.get("device") or CUDA).partition(":")
    if device != CUDA:
        return None
    several = spec.options.get("gpus")
    return tuple(range(several)) if isinstance(several, int) else (int(number or 0),)


def demands_cuda(spec: ModelSpec) -> str:
    """The option in conf that makes a model require CUDA; empty if there is none.

    >>> demands_cuda(ModelSpec(type="a.B", licence="MIT", options={"noise_device": "cuda"}))
    'options.noise_device: cuda'
    """
    for name in ("device", "noise_device"):
        if (value := str(spec.options.get(name))).startswith(CUDA):
            return f"options.{name}: {value}"
    return ""


def expects_gpu(spec: ModelSpec) -> bool:
    """Whether a model is meant for a GPU: it states how much of one it needs, or its options name one."""
    stated = spec.memory.gpu is not None and cards_of(spec) is not None
    return stated or bool(demands_cuda(spec))

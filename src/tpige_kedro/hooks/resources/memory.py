"""GPUs and memory: what the models of each stage need, compared with the cards and the host memory available."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from tpige_kedro.declarations import declared
from tpige_kedro.execution.machine import (
    GIB,
    Gpu,
    Gpus,
    HostMemory,
    free_gpu_memory,
    gpus,
    host_memory,
)
from tpige_kedro.hooks.resources.problem import Problem, problem_of
from tpige_kedro.hooks.resources.together import (
    OFF,
    SAVING,
    cards_of,
    demands_cuda,
    expects_gpu,
    gpu_need,
    host_need,
    loaded_together,
)
from tpige_kedro.options import options_model
from tpige_kedro.schemas import ModelSpec, Parameters

logger = logging.getLogger(__name__)

CPU_ANYWAY = "--params=allow_cpu=true runs on the CPU, which takes many times longer"
MEASURED = "kedro rehearse measures it"


def check_gpus(
    needed: Mapping[str, str],
    parameters: Parameters,
    look: Callable[[], Gpus] = gpus,
    free: Callable[[int], int] = free_gpu_memory,
) -> Iterator[Problem]:
    """Models that expect a GPU if there is none, or one that is too small. A card that other processes occupy is a warning.

    ``look`` is called only if a needed model expects a GPU, since it imports torch.
    """
    models = parameters.models
    expecting = [name for name in needed if expects_gpu(models[name])]
    if not expecting:
        return
    found = look()
    if not found.cards:
        yield from _without_gpu(expecting, needed, parameters, found.absent)
        return
    for name in expecting:
        if absent := [n for n in cards_of(models[name]) or () if n >= len(found.cards)]:
            there = ", ".join(f"cuda:{i} ({gpu.name})" for i, gpu in enumerate(found.cards))
            asked = "options.gpus" if "gpus" in models[name].options else "options.device"
            text = f"{asked} asks for cuda:{absent[0]}, this machine has {there}; correct it"
            yield problem_of([name], needed, text)
    for group in loaded_together(needed, parameters):
        yield from _too_large(group, needed, parameters, found.cards, free)


def _without_gpu(
    expecting: Sequence[str], needed: Mapping[str, str], parameters: Parameters, why: str
) -> Iterator[Problem]:
    for name in expecting:
        spec = parameters.models[name]
        if option := demands_cuda(spec):
            text = f"{option} needs a GPU and there is none ({why}); set it to cpu"
            yield problem_of([name], needed, text)
        elif not parameters.allow_cpu:
            text = f"expects a GPU and there is none ({why}); {CPU_ANYWAY}"
            yield problem_of([name], needed, text, f", {spec.memory.gpu:g} GiB")
        else:
            logger.warning("models.%s expects a GPU and runs on the CPU (%s)", name, why)


def _too_large(
    group: Sequence[str],
    needed: Mapping[str, str],
    parameters: Parameters,
    cards: Sequence[Gpu],
    free: Callable[[int], int],
) -> Iterator[Problem]:
    """Where models that are loaded together need more of a card than it has, or than others leave of it."""
    models = parameters.models
    for number, card in enumerate(cards):
        here = [name for name in group if number in (cards_of(models[name]) or ())]
        need = sum(gpu_need(models[name]) for name in here)
        stating = [name for name in here if gpu_need(models[name])]
        where = f"cuda:{number} ({card.name})"
        if need * GIB > card.total:
            text = f"{_needs(stating, need)} of GPU memory, {where} has {gib(card.total)}; {_saving(stating, parameters)}"
            yield problem_of(stating, needed, text)
        elif need and need * GIB > (unused := _unused(models[stating[0]], number, card, free)):
            logger.warning(
                "models.%s: %s of GPU memory, other processes leave %s of %s on %s; nvidia-smi shows which they are",
                ", models.".join(stating), _needs(stating, need), gib(unused), gib(card.total), where,
            )  # fmt: skip


def _unused(spec: ModelSpec, number: int, card: Gpu, free: Callable[[int], int]) -> int:
    """What others leave of a card. Looking takes some of its memory, so cards that other processes will use are not looked at."""
    return free(number) if len(cards_of(spec) or ()) == 1 else card.total


def _needs(names: Sequence[str], need: float) -> str:
    return f"{'need together' if len(names) > 1 else 'needs'} {need:.1f} GiB"


def _saving(names: Sequence[str], parameters: Parameters) -> str:
    """What can be done about too little GPU memory."""
    if len(names) > 1 and set(names) <= set(parameters.scoring.scorers):
        return "set scoring.one_family_at_a_time: true, so that one is loaded at a time"
    specs = [parameters.models[name] for name in names]
    options = dict.fromkeys(option for spec in specs for option in _unused_savings(spec))
    set_them = f"set {' or '.join(options)} in its options, or " if options else ""  # fmt: skip
    return f"{set_them}use an environment for a smaller card (conf/README.md) or a smaller model"


def _unused_savings(spec: ModelSpec) -> Iterator[str]:
    """The options of the model's class that save memory and are not set."""
    fields = options_model(spec.type, spec.options).model_fields
    not_in_conf = declared(spec.type, "own_options", ())
    for name, setting in SAVING.items():
        if name in fields and name not in not_in_conf and spec.options.get(name) in OFF:
            yield setting


def check_host_memory(
    needed: Mapping[str, str],
    parameters: Parameters,
    look: Callable[[], HostMemory] = host_memory,
) -> Iterator[Problem]:
    """Models that need more host memory than this machine, container or job has. What others occupy is a warning."""
    models = parameters.models
    if not any(host_need(models[name]) for name in needed):
        return
    found = look()
    for group in loaded_together(needed, parameters):
        stating = [name for name in group if host_need(models[name])]
        need = sum(host_need(models[name]) for name in stating)
        if need * GIB > found.total:
            remedy = f"take a machine or job with more, or correct memory.host ({MEASURED})"
            text = f"{_needs(stating, need)} of host memory, {found.limited_by} has {gib(found.total)}; {remedy}"
            yield problem_of(stating, needed, text)
        elif need * GIB > found.available:
            logger.warning(
                "models.%s: %s of host memory, other processes leave %s of %s; end some of them",
                ", models.".join(stating), _needs(stating, need), gib(found.available), gib(found.total),
            )  # fmt: skip


def gib(size: int) -> str:
    """Bytes as GiB.

    >>> gib(25_386_000_000)
    '23.6 GiB'
    """
    return f"{size / GIB:.1f} GiB"

"""What a run will download, need and cost at most, as lines of the log at its start. A run of the mini models has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tpige_kedro.execution.machine import Gpus, HostMemory, Room
from tpige_kedro.hooks.resources.costs import costs
from tpige_kedro.hooks.resources.disk import Need, gb
from tpige_kedro.hooks.resources.downloads import Download
from tpige_kedro.hooks.resources.memory import gib
from tpige_kedro.hooks.resources.together import cards_of, loaded_together
from tpige_kedro.schemas import Parameters


def download_line(
    downloads: Sequence[Download], cache: Path, room: Callable[[Path], Room]
) -> Iterator[str]:
    """How much is downloaded, and of what."""
    missing = [d for d in downloads if d.size]
    if not downloads or (not missing and any(d.problem for d in downloads)):
        return
    if not missing:
        yield f"to download: nothing, all weights of the hub are in {cache}"
        return
    parts = ", ".join(f"{d.part.place} {gb(d.size)}" for d in missing)
    total, free = gb(sum(d.size for d in missing)), gb(room(cache).free)
    yield f"to download: {total} ({parts}) to {cache}, which has {free} free"


def write_line(needs: Sequence[Need]) -> Iterator[str]:
    """What the results will take."""
    words = [need.words for need in needs if need.kind == "results"]
    if words:
        yield f"to write: {', '.join(words)}"


def memory_line(
    needed: Mapping[str, str],
    parameters: Parameters,
    gpus: Callable[[], Gpus],
    host: Callable[[], HostMemory],
) -> Iterator[str]:
    """The largest need of GPU and host memory, against what there is."""
    parts = []
    for number, name, size in _largest_on_gpus(needed, parameters):
        cards = gpus().cards
        there = f"{cards[number].name} has {gib(cards[number].total)}" if number < len(cards) else "there is none"  # fmt: skip
        parts.append(f"up to {size:.1f} GiB of cuda:{number} ({name}), {there}")
    size, names = _largest_in_host(needed, parameters)
    if size:
        parts.append(f"up to {size:.1f} GiB of the host ({names}), it has {gib(host().total)}")
    if parts:
        yield f"memory: {'; '.join(parts)}"


def _largest_on_gpus(
    needed: Mapping[str, str], parameters: Parameters
) -> Iterator[tuple[int, str, float]]:
    """By card, the models that need most of it together, and how many GiB."""
    largest: dict[int, tuple[float, str]] = {}
    for group in loaded_together(needed, parameters):
        sizes: dict[int, list[tuple[str, float]]] = {}
        for name in group:
            spec = parameters.models[name]
            for number in cards_of(spec) or () if spec.memory.gpu else ():
                sizes.setdefault(number, []).append((name, spec.memory.gpu or 0))
        for number, those in sizes.items():
            total = (sum(size for _, size in those), ", ".join(name for name, _ in those))
            largest[number] = max(largest.get(number, (0, "")), total)
    for number, (total_size, names) in sorted(largest.items()):
        yield number, names, total_size


def _largest_in_host(needed: Mapping[str, str], parameters: Parameters) -> tuple[float, str]:
    """How many GiB of host memory are needed at once at most, and the models that need it."""
    largest = (0.0, "")
    for group in loaded_together(needed, parameters):
        sizes = {name: parameters.models[name].memory.host or 0 for name in group}
        names = ", ".join(name for name, size in sizes.items() if size)
        largest = max(largest, (sum(sizes.values()), names))
    return largest


def cost_line(needed: Mapping[str, str], parameters: Parameters) -> Iterator[str]:
    """The limits of the services."""
    if limits := list(costs(needed, parameters)):
        yield f"costs at most: {', '.join(limits)}"

"""Seconds and host memory of loading the parts of a Wan model, from a warm or a cold disk.

    python -m benchmarks.clip_cost.loading Wan-AI/Wan2.1-VACE-14B-diffusers --device cuda --dtype bfloat16 --cold
    python -m benchmarks.clip_cost.loading bytedance-research/Phantom --weights Phantom_Wan_14B.safetensors.index.json --base ... --model phantom
    python -m benchmarks.clip_cost.loading vace_14b --random paper --scratch DIR --device cuda --dtype bfloat16 --cold

With ``--random`` the source is a key of ``models`` in that environment, whose weights are built with random values first (kept in DIR).
One JSON line per part: ``anonymous_gib`` is the most memory of its own that the process had while loading, over what it had before
(a copy of weights would be there); ``peak_rss_gib`` also counts mapped pages of the files, which the kernel takes back when it needs them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal

import torch

from tpige_kedro.networks.devices import pick_device
from tpige_kedro.rehearsal.rehearse import Rehearsal
from tpige_kedro.rehearsal.scratch import Scratch
from tpige_kedro.rehearsal.settings import Settings
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.wan_loading import (
    Source,
    load_text_encoder,
    load_transformer,
    load_vae,
)
from tpige_kedro.video_generators.wan_vace import WanVace

GIB = 2**30
EVERY = 0.005  # seconds


def memory(name: str) -> int:
    """A value of this process, in bytes, as Linux counts it: ``RssAnon``, ``VmRSS``."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, "needs Linux"
    return int(found[1]) * 1024


@contextmanager
def peaks(names: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """The largest values of ``names`` while the block runs."""
    most, done = dict.fromkeys(names, 0), Event()

    def watch() -> None:
        while not done.wait(EVERY):
            for name in names:
                most[name] = max(most[name], memory(name))

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def forget_pages(folder: Path) -> None:
    """Take the files of a folder out of the kernel's cache, so that they are read from the disk."""
    for file in folder.rglob("*") if folder.is_dir() else [folder]:
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def measured(part: str, load: Callable[[], Any], device: torch.device) -> dict[str, Any]:
    """Load once and say what it took."""
    before, started = memory("RssAnon"), time.perf_counter()
    with peaks(("RssAnon", "VmRSS")) as most:
        network = load()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    seconds = time.perf_counter() - started
    size = sum(p.numel() * p.element_size() for p in network.parameters())
    return {
        "part": part,
        "device": str(device),
        "seconds": round(seconds, 2),
        "weights_gib": round(size / GIB, 3),
        "anonymous_gib": round((most["RssAnon"] - before) / GIB, 3),
        "peak_rss_gib": round(most["VmRSS"] / GIB, 3),
    }


def build(model: str, environment: str, scale: Literal["full", "tiny"], scratch: Path) -> str:
    """The folder of ``model`` with random weights in the published layout, built if it is not there."""
    settings = Settings(env=environment, models=(model,), scale=scale)
    rehearsal = Rehearsal.of(settings)
    places = {place.folder: place for stage in rehearsal.stages for place in stage.places}
    Scratch(scratch).build(places.values())
    (source,) = (Scratch(scratch).folder(place) for place in places.values())
    return str(source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source")
    parser.add_argument("--base")
    parser.add_argument("--weights")
    parser.add_argument("--model", choices=("vace", "phantom"), default="vace")
    parser.add_argument("--device")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument(
        "--random", metavar="ENV", help="an environment that has the source as a key of models"
    )
    parser.add_argument("--scale", choices=("full", "tiny"), default="full")
    parser.add_argument("--scratch", type=Path, default=Path("random_weights"))
    args = parser.parse_args()
    if args.random:
        args.source = build(args.source, args.random, args.scale, args.scratch)

    from diffusers import WanTransformer3DModel, WanVACETransformer3DModel

    model, network = (
        (WanVace, WanVACETransformer3DModel)
        if args.model == "vace"
        else (Phantom, WanTransformer3DModel)
    )
    source = Source.of(model.files, args.source, None, args.base, None, args.weights)
    device, dtype = pick_device(args.device), getattr(torch, args.dtype)
    loaders: dict[str, Callable[[], Any]] = {
        "transformer": lambda: load_transformer(network, source, dtype, device),
        "vae": lambda: load_vae(source, device),
        "text_encoder": lambda: load_text_encoder(source, dtype, device),
    }
    if device.type == "cuda":
        torch.zeros(1, device=device)  # the context is no part of the loading
    for part, load in loaders.items():
        if args.cold:
            forget_pages(source.transformer if part == "transformer" else source.base / part)
        print(json.dumps(measured(part, load, device)), flush=True)


if __name__ == "__main__":
    main()

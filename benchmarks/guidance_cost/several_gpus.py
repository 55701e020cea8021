"""One clip on several GPUs: seconds of a step of VACE 1.3B and 14B, tokens or branches split over them, beside one GPU.

Run: ``PYTHONPATH=src python -m benchmarks.guidance_cost.several_gpus --out DIR --commit $(git rev-parse --short HEAD)`` on a machine with two GPUs.
Architectures, inputs and steps are those of ``guidance.py``; blocks are eager, since context parallel cannot be compiled. Appends
to ``several_gpus.jsonl``. ``--models tiny --device cpu`` tries it out in seconds.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing

from benchmarks.guidance_cost.models import ARCHITECTURES, Workload
from benchmarks.guidance_cost.rows import CFG, Row, guided, measure
from benchmarks.guidance_cost.run import about
from tpige_kedro.video_generators.parallel import set_up
from tpige_kedro.video_generators.wan_options import WanOptions

ALONE, BRANCHES, CONTEXT = "none", "branches", "context"  # context last: its hooks stay
KINDS = {
    "CFG": CFG,
    "GE as_published": guided("as_published"),
    "GE t2v": guided("t2v"),
}
STEPS = 3  # timed; one more warms up


@dataclass(frozen=True)
class Plan:
    """What every rank does."""

    models: list[str]
    device: str
    ranks: int
    out: Path
    commit: str


def rows_of(work: Workload, ranks: int) -> Iterator[dict[str, Any]]:
    """A row per way to split and kind of step; ``off``: how far its latents have moved otherwise than on one GPU, relative RMS."""
    alone: dict[str, torch.Tensor] = {}
    architecture = work.architecture
    for split in (ALONE, BRANCHES, CONTEXT):
        work.split_branches = split == BRANCHES
        if split == CONTEXT:
            size = {"height": architecture.height, "width": architecture.width}
            set_up(work.transformer, WanOptions(**size, parallel={"context": ranks}), work.device)
        work.warm.clear()
        for label, guidance in KINDS.items():
            dist.barrier()
            row = Row("step", label, "eager", "native", guidance, STEPS)
            result = measure(work, row)
            moved = work.latents_made - work.latents
            expected = alone.setdefault(label, moved)
            off = (moved - expected).norm() / expected.norm()
            names = ("model", "label", "mode", "backend", "total", "seconds", "peak_gib")
            yield {"split": split, "gpus": 1 if split == ALONE else ranks} | {
                **{name: result[name] for name in names},
                "off": float(off),
            }


def serve(rank: int, plan: Plan, meeting: str) -> None:
    """One process: builds the same model and inputs as the others; the first writes."""
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    on_gpu = plan.device == "cuda"
    device = torch.device(f"cuda:{rank}" if on_gpu else "cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    dist.init_process_group(
        backend, init_method=f"file://{meeting}", rank=rank, world_size=plan.ranks
    )
    for name in plan.models:
        dtype = torch.bfloat16 if on_gpu else torch.float32
        work = Workload(ARCHITECTURES[name], device, dtype)
        work.prepare("eager", "native", "eager")
        for row in rows_of(work, plan.ranks):
            if rank == 0:
                with (plan.out / "several_gpus.jsonl").open("a") as file:
                    file.write(json.dumps({**row, **about(device, plan.commit)}) + "\n")
                print(row, flush=True)
        del work
        if on_gpu:
            torch.cuda.empty_cache()
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", choices=ARCHITECTURES, default=["1.3b", "14b"])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--commit", default="not recorded")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(options.models, options.device, options.ranks, options.out, options.commit)
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(serve, (plan, f"{folder}/meeting"), nprocs=options.ranks)


if __name__ == "__main__":
    main()

"""What each kernel of attention and fp8 linear layers save: seconds, memory and error of one forward of VACE 1.3B and 14B.

Run: ``PYTHONPATH=src python -m benchmarks.guidance_cost.acceleration --out DIR --commit $(git rev-parse --short HEAD)`` on one Hopper GPU with
``fa3-fwd`` installed. Published architecture at 832 x 480 x 81 frames and one reference, random weights and inputs, bfloat16.
Also measures the card's rate of matrix products in bf16 and fp8, from which each row's floor is counted. Rows are kept in
``rows.jsonl`` as they end. ``--models tiny --device cpu`` tries it out in seconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.guidance_cost.models import ARCHITECTURES, Architecture, Workload
from benchmarks.guidance_cost.run import about
from tpige_kedro.networks.fp8 import to_fp8
from tpige_kedro.video_generators.acceleration import accelerate
from tpige_kedro.video_generators.wan_options import WanOptions

REPEATS = 3
SIDE = 8192  # of the matrices whose product gives the card's rate


@dataclass(frozen=True)
class Switches:
    """What is switched on for a row."""

    attention: str = "native"
    quantisation: str = "none"
    compiled: bool = True


ROWS = (
    Switches(compiled=False),
    Switches(),
    Switches("flash_3"),
    Switches("flash_3", "fp8"),
    Switches("flash_3_fp8", "fp8"),
    Switches("native", "fp8"),
    Switches("cudnn"),
)


def measure(
    architecture: Architecture, switches: Switches, device: torch.device, reference: Any
) -> tuple[dict[str, Any], torch.Tensor]:
    """The row, and what the forward gave."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    work = Workload(architecture, device, dtype)
    options = WanOptions(attention=switches.attention, quantisation=switches.quantisation)
    accelerate(work.transformer, options, device, dtype)
    start = time.perf_counter()
    if switches.compiled:
        torch.compiler.reset()
        backend = "inductor" if device.type == "cuda" else "eager"
        work.transformer.compile_repeated_blocks(fullgraph=True, dynamic=False, backend=backend)
    output = work.forward().float()
    synchronize(device)
    warm = time.perf_counter() - start
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = [timed(work.forward, device) for _ in range(REPEATS)]
    error = None
    if reference is not None:
        error = float((output - reference).norm() / reference.norm())
    row = {
        "model": architecture.name,
        **asdict(switches),
        "seconds": statistics.median(seconds),
        "all": seconds,
        "warm_up": round(warm, 1),
        "relative_error": error,
        "weights_gib": gib(sum(t.nbytes for t in tensors(work.transformer))),
        "peak_gib": gib(torch.cuda.max_memory_allocated()) if device.type == "cuda" else None,
    }
    return row, output


def tensors(model: Any) -> list[torch.Tensor]:
    return [*model.parameters(), *model.buffers()]


def gib(count: int) -> float:
    return round(count / 2**30, 2)


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def timed(run: Any, device: torch.device) -> float:
    synchronize(device)
    start = time.perf_counter()
    run()
    synchronize(device)
    return time.perf_counter() - start


def matrix_rates(device: torch.device) -> dict[str, float]:
    """Floating-point operations a second of large matrix products, in bf16 and in fp8 with a scale per row."""
    if device.type != "cuda":
        return {}
    a, b = (torch.randn(SIDE, SIDE, device=device, dtype=torch.bfloat16) for _ in range(2))
    (x, of_x), (y, of_y) = to_fp8(a), to_fp8(b)

    def in_fp8() -> torch.Tensor:
        return torch._scaled_mm(
            x, y.t(), of_x, of_y.t(), out_dtype=torch.bfloat16, use_fast_accum=True
        )

    rates = {}
    for name, product in {"bf16": lambda: a @ b, "fp8": in_fp8}.items():
        for _ in range(5):
            product()
        seconds = timed(lambda product=product: [product() for _ in range(20)], device) / 20
        rates[name] = 2 * SIDE**3 / seconds
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", choices=ARCHITECTURES, default=["14b", "1.3b"])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--commit", default="not recorded")
    parser.add_argument("--rows", type=int, default=len(ROWS))
    parser.add_argument("--budget-seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    end = time.perf_counter() + options.budget_seconds
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    options.out.mkdir(parents=True, exist_ok=True)
    device = torch.device(options.device)
    facts = {**about(device, options.commit), "rates": matrix_rates(device)}
    print(json.dumps(facts), flush=True)
    for name in options.models:
        reference = None
        for switches in ROWS[: options.rows]:
            if time.perf_counter() > end:
                print(f"{name} {switches}: no time left", flush=True)
                continue
            try:
                row, output = measure(ARCHITECTURES[name], switches, device, reference)
            except Exception as error:  # of any library: it is reported, and the next row may run
                row, output = {"model": name, **asdict(switches), "failed": repr(error)[:400]}, None
            reference = output if reference is None else reference
            with (options.out / "rows.jsonl").open("a") as file:
                file.write(json.dumps({**row, **facts}) + "\n")
            print(json.dumps(row), flush=True)
            del output
            gc.collect()
            if device.type == "cuda":
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()

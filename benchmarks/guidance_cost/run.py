"""What guidance costs: seconds of a forward, a step and a run of VACE 1.3B and 14B, for every form of the weak branch.

Run: ``PYTHONPATH=src python -m benchmarks.guidance_cost.run --out DIR --commit $(git rev-parse --short HEAD)`` on one GPU of 80 GB.
The published architectures at 832 x 480 x 81 frames and one reference, random weights and inputs, bfloat16. Steps run through the
product's own denoiser and guider. Every finished row is kept in ``rows.jsonl``: a second call goes on where the first stopped.
Writes ``table.md``. ``--models tiny --device cpu`` tries it out in seconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import platform
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch._dynamo.utils import counters

from benchmarks.guidance_cost.models import ARCHITECTURES, Architecture, Workload
from benchmarks.guidance_cost.rows import Row, measure, rows
from benchmarks.guidance_cost.table import as_markdown

GUESS = {"1.3b": 1.1, "14b": 4.6, "tiny": 0.1}  # seconds a forward, before one was measured
BUILD, COMPILE = 15.0, 60.0  # seconds to keep for making a model and for compiling its blocks


class Bench:
    """The rows of some models, measured until the time is up."""

    def __init__(self, out: Path, device: torch.device, about: dict[str, Any]) -> None:
        self.out, self.device, self.about = out, device, about
        self.path = out / "rows.jsonl"
        self.missing: dict[str, str] = {}  # row: why it was not measured
        self.done: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                self.done[json.loads(line)["key"]] = json.loads(line)

    def run_model(self, architecture: Architecture, seconds: float) -> None:
        """Measure what is not there yet within ``seconds``, as far as it goes."""
        end = time.perf_counter() + seconds
        wanted = [
            row
            for row in rows(architecture, self.device.type == "cuda")
            if row.key(architecture.name) not in self.done
        ]
        if not wanted:
            return
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        torch.compiler.reset()
        counters.clear()
        work = Workload(architecture, self.device, dtype)
        compiles = True
        for planned in wanted:
            row = planned
            if row.mode == "compiled" and not compiles:  # the table says so
                row = replace(row, mode="eager", backend="native")
            measured = self.run_row(work, row, end - time.perf_counter())
            if row.mode == "compiled" and row.what == "forward":
                compiles = measured
        torch.compiler.set_stance("default")

    def run_row(self, work: Workload, row: Row, left: float) -> bool:
        """Measure one row if it will end in time; one that fails is named with its reason, the others go on."""
        name = work.architecture.name
        key = row.key(name)
        needed = row.forwards() * self.seconds_a_forward(name, row.mode)
        compiled_before = any(mode == "compiled" for mode, *_ in work.warm)
        if row.mode == "compiled" and self.device.type == "cuda" and not compiled_before:
            needed += COMPILE
        if needed > left:
            self.missing[key] = f"no time left (about {needed:.0f} s, {left:.0f} s left)"
            print(f"{key}: {self.missing[key]}", flush=True)
            return True
        start = time.perf_counter()
        try:
            work.prepare(
                row.mode, row.backend, "inductor" if self.device.type == "cuda" else "eager"
            )
            result = {**measure(work, row), **self.about}
        except Exception as error:  # of any library: it is reported, and the next row may run
            reason = str(error).strip().splitlines() or [""]
            self.missing[key] = f"{type(error).__name__}: {reason[0][:200]}"
            print(f"{key}: not measured, {self.missing[key]}", flush=True)
            return False
        self.done[key] = result
        with self.path.open("a") as file:
            file.write(json.dumps(result) + "\n")
        mean = sum(result["seconds"]) / len(result["seconds"])
        took = time.perf_counter() - start
        print(
            f"{key}: {mean:.3f} s each, {took:.0f} s in all, {left - took:.0f} s left", flush=True
        )
        return True

    def seconds_a_forward(self, model: str, mode: str) -> float:
        """The last one measured in ``mode``, or a guess."""
        known = [r for r in self.done.values() if (r["model"], r["mode"]) == (model, mode)]
        if not known:
            return GUESS[model]
        return float(sum(known[-1]["seconds"]) / sum(known[-1]["forwards"]))

    def write_table(self) -> None:
        text = as_markdown(list(self.done.values()), self.missing)
        (self.out / "table.md").write_text(text)


def about(device: torch.device, commit: str) -> dict[str, Any]:
    """Where and with what a row was measured."""
    on_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else platform.processor() or "cpu",
        "torch": torch.__version__,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        "diffusers": version("diffusers"),
        "commit": commit,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", choices=ARCHITECTURES, default=["1.3b", "14b"])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--commit", default="not recorded")
    parser.add_argument(
        "--budget-seconds", type=float, default=float("inf"), help="stop before, rows first to last"
    )
    options = parser.parse_args()
    end = time.perf_counter() + options.budget_seconds
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    options.out.mkdir(parents=True, exist_ok=True)
    device = torch.device(options.device)
    bench = Bench(options.out, device, about(device, options.commit))
    for index, name in enumerate(options.models):
        share = (end - time.perf_counter()) / (len(options.models) - index)
        bench.run_model(ARCHITECTURES[name], share - BUILD)
        bench.write_table()
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    print((options.out / "table.md").read_text())


if __name__ == "__main__":
    main()

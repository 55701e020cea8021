"""Seconds of a whole clip of VACE 14B and 1.3B under each acceleration, beside the card's floor, on one Hopper GPU.

Run: ``PYTHONPATH=src python -m benchmarks.clip_cost.run --out DIR --commit $(git rev-parse --short HEAD) --budget-seconds 280`` on one H100 with ``fa3-fwd``
installed. Published architecture at 832 x 480 x 81 frames and one reference, random weights, bfloat16; the product's own generator, samplers and
guidance. Clips of 8 and 4 steps are really made (a merged LoRA takes no time, so none is merged); of 50 steps the first are sampled and the
sum is counted from the kinds of step. The cache is measured with all forwards reused: how many of a clip's are is a property of trained weights,
so that ``--reused-share`` states it. Rows are kept in ``rows.jsonl`` as they end, a second call measures what is missing, and ``table.md`` is written
again each time. A configuration that misses its bound leaves the kernels of a forward in ``profile_*.txt``.
``--models tiny --device cpu`` tries it out in a minute.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch._dynamo.utils import counters

from benchmarks.clip_cost import rows
from benchmarks.clip_cost.models import SIZES, Inputs, build, multiplies_in_fp8
from benchmarks.clip_cost.table import as_markdown
from benchmarks.guidance_cost.acceleration import matrix_rates
from benchmarks.guidance_cost.run import about

GUESS = {"14b": 3.5, "1.3b": 0.9, "tiny": 0.05}  # seconds of a full forward
COMPILE, BUILD, PARTS = 50.0, 8.0, 25.0  # seconds, guessed; 0 on a CPU


@dataclass(frozen=True)
class Configuration:
    """Switches that need a generator of their own; ``bound``: seconds that a forward of 14B must stay below."""

    name: str
    attention: str = "native"
    quantisation: str = "none"
    compiled: bool = True
    steps: int = 0  # of the run of 50 that are sampled; 0: only a forward
    short_clips: bool = False
    cache: bool = False
    bound: float | None = None

    @property
    def rates(self) -> tuple[str, str]:
        """In which precision linear layers and attention multiply."""
        return (
            "fp8" if self.quantisation == "fp8" else "bf16",
            "fp8" if self.attention.endswith("fp8") else "bf16",
        )


CONFIGURATIONS = (  # the most valuable first
    Configuration("eager", compiled=False),
    Configuration("exact", "flash_3", steps=2, bound=3.45),
    Configuration(
        "fp8 + attention", "flash_3_fp8", "fp8", steps=2, short_clips=True, cache=True, bound=2.6
    ),
    Configuration("fp8", "flash_3", "fp8", steps=2, bound=2.6),
    Configuration("compiled, native"),
)


class Bench:
    """The rows of one call: what is there already, and what is measured until the time is up."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.out, self.options = options.out, options
        self.device = torch.device(options.device)
        self.end = time.perf_counter() + options.budget_seconds
        self.path = self.out / "rows.jsonl"
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.done = {row["key"]: row for row in map(json.loads, lines)}
        self.missing: dict[str, str] = {}
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.rates = matrix_rates(self.device)
        self.facts = {**about(self.device, options.commit), "rates": self.rates}

    def row(self, key: str, seconds: float, measure: Callable[[], dict[str, Any]]) -> None:
        """Measure a row unless it is there or the time left is less than ``seconds``; one that fails is named, the others go on."""
        if key in self.done:
            return
        left = self.end - time.perf_counter()
        if seconds > left:
            self.missing[key] = f"no time left (about {seconds:.0f} s, {left:.0f} s left)"
            print(f"{key}: {self.missing[key]}", flush=True)
            return
        started = time.perf_counter()
        try:
            made = {"key": key, **measure(), **self.facts}
        except Exception as error:  # of any library: it is reported, and the next row may run
            self.missing[key] = f"{type(error).__name__}: {str(error).strip()[:300]}"
            print(f"{key}: not measured, {self.missing[key]}", flush=True)
            return
        self.done[key] = made
        with self.path.open("a") as file:
            file.write(json.dumps(made) + "\n")
        print(f"{key}: took {time.perf_counter() - started:.0f} s", flush=True)

    def model(self, name: str) -> None:
        """All configurations of a model."""
        size, inputs = SIZES[name], None
        reference: torch.Tensor | None = None
        for chosen in CONFIGURATIONS:
            if chosen.name not in self.options.configurations:
                continue
            if chosen.name != "eager" and self.is_done(name, chosen):
                continue
            if self.needed(name, chosen) > self.end - time.perf_counter():
                self.missing[f"{name} {chosen.name}"] = "no time left"
                print(f"{name} {chosen.name}: no time left", flush=True)
                continue
            inputs = inputs or Inputs.of(size, self.device, self.dtype)
            try:
                output = self.configuration(name, chosen, inputs, reference)
            except Exception as error:  # the next configuration may run
                self.missing[f"{name} {chosen.name}"] = f"{type(error).__name__}: {error}"[:300]
                print(f"{name} {chosen.name}: {error!r}"[:1000], flush=True)
                output = None
            reference = output if chosen.name == "eager" else reference
            gc.collect()
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            self.write()

    def configuration(
        self, name: str, chosen: Configuration, inputs: Inputs, reference: torch.Tensor | None
    ) -> torch.Tensor:
        """Build the generator, warm it up, and measure its rows; returns what the warm-up gave."""
        size, clock = SIZES[name], rows.Clock(self.device)
        torch.compiler.reset()
        counters.clear()
        fake = self.device.type != "cuda"  # a CPU has neither kernels nor a product in fp8
        attention = "native" if fake else chosen.attention
        generator, built = clock.timed(
            lambda: build(
                size,
                self.device,
                self.dtype,
                attention=attention,
                quantisation=chosen.quantisation,
                compile=chosen.compiled and not fake,
            )
        )
        if chosen.compiled and fake:  # for the count of graphs, without a C compiler
            generator.transformer.compile_repeated_blocks(
                fullgraph=True, dynamic=False, backend="eager"
            )
        output, warm = clock.timed(lambda: rows.warm_up(generator, inputs, twin=chosen.compiled))
        graphs = counters["stats"]["unique_graphs"]
        guess = GUESS[name]
        prefix = f"{name} {chosen.name}"
        common = {"model": name, "configuration": chosen.name, **asdict(chosen)}

        def forward() -> dict[str, Any]:
            row = rows.forward_row(generator, inputs, clock, 2 if chosen.compiled else 1)
            error = None
            if reference is not None:
                error = float((output - reference).norm() / reference.norm())
            more = {"what": "forward", "relative_error": error, "built": built, "warm_up": warm}
            floor = rows.floor(size.transformer, self.rates, *chosen.rates)
            fp8_layers = multiplies_in_fp8(generator.transformer)
            return {
                **common,
                **more,
                **row,
                "floor": floor,
                "fp8_layers": fp8_layers,
                "graphs": graphs,
            }

        self.row(f"{prefix} forward", 2 * guess, forward)
        if chosen.name == "eager":
            self.row(
                f"{name} parts",
                0.0 if fake else PARTS,
                lambda: (
                    common
                    | {"what": "parts", **rows.parts_row(generator, size, self.device, self.out)}
                ),
            )
        if chosen.steps:
            self.row(
                f"{prefix} steps",
                (2.75 * chosen.steps + 2) * guess,
                lambda: (
                    common
                    | {"what": "steps"}
                    | rows.step_row(generator, size, self.device, rows.BOTH_KINDS, chosen.steps)
                ),
            )
        if chosen.short_clips:
            for steps, guidance in ((4, rows.ALONE), (8, rows.CFG_1)):
                per_step = 1.0 if guidance is rows.ALONE else 1.75
                self.row(
                    f"{prefix} clip of {steps}",
                    per_step * steps * guess,
                    lambda steps=steps, guidance=guidance: (
                        common
                        | {"what": "clip", "total": steps}
                        | rows.clip_row(generator, size, self.device, steps, guidance, self.out)
                    ),
                )
        if chosen.cache:
            self.row(
                f"{prefix} cache",
                4 * guess,
                lambda: common | {"what": "cache"} | rows.cache_row(generator, size, self.device),
            )
        new = counters["stats"]["unique_graphs"] - graphs
        self.row(f"{prefix} graphs", 0.0, lambda: {**common, "what": "graphs", "new_graphs": new})
        self.profile(name, chosen, generator, inputs)
        return output

    def profile(self, name: str, chosen: Configuration, generator: Any, inputs: Inputs) -> None:
        """The kernels of a forward that is slower than its bound."""
        row = self.done.get(f"{name} {chosen.name} forward")
        missed = row and chosen.bound and name == "14b" and min(row["seconds"]) > chosen.bound
        if not (missed or self.options.profile) or self.end - time.perf_counter() < 3 * GUESS[name]:
            return
        text = rows.profile(generator, inputs, self.device)
        file = self.out / f"profile_{name}_{chosen.name.replace(' ', '')}.txt"
        file.write_text(text)
        print(text, flush=True)

    def is_done(self, name: str, chosen: Configuration) -> bool:
        wanted = ["forward"] + ["steps"] * bool(chosen.steps) + ["cache"] * chosen.cache
        wanted += ["clip of 4", "clip of 8"] * chosen.short_clips
        return all(f"{name} {chosen.name} {what}" in self.done for what in wanted)

    def needed(self, name: str, chosen: Configuration) -> float:
        """Seconds that the least of a configuration takes."""
        if self.device.type != "cuda":
            return 0.0
        return BUILD + COMPILE * chosen.compiled + 3 * GUESS[name]

    def write(self) -> None:
        share = self.options.reused_share
        text = as_markdown(list(self.done.values()), self.missing, share)
        (self.out / "table.md").write_text(text)


@contextmanager
def only_errors(*loggers: str) -> Iterator[None]:
    """These loggers say less while a table is printed, and as much as before afterwards."""
    before = {name: logging.getLogger(name).level for name in loggers}
    try:
        for name in loggers:
            logging.getLogger(name).setLevel(logging.ERROR)
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [chosen.name for chosen in CONFIGURATIONS]
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", choices=SIZES, default=["14b", "1.3b"])
    parser.add_argument("--configurations", nargs="+", choices=names, default=names[:-1])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--commit", default="not recorded")
    parser.add_argument("--budget-seconds", type=float, default=float("inf"))
    parser.add_argument(
        "--reused-share", type=float, default=0.4, help="of a clip's forwards, for the cache's row"
    )
    parser.add_argument("--profile", action="store_true", help="of every configuration")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with only_errors("diffusers", "tpige_kedro"):
        bench = Bench(options)
        print(json.dumps(bench.facts), flush=True)
        for name in options.models:
            bench.model(name)
        bench.write()
    print((options.out / "table.md").read_text())


if __name__ == "__main__":
    main()

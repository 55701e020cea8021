"""What benchmarks/guidance_cost/run.py times: single forwards, and steps and runs of the product's denoiser."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import torch
from diffusers.modular_pipelines.wan.denoise import WanLoopAfterDenoiser
from torch._dynamo.utils import counters

from benchmarks.guidance_cost.models import Architecture, Workload
from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.schemas import Guidance, Schedule
from tpige_kedro.video_generators.wan_denoise import VaceDenoiser

STEPS = 50  # of a run, as published
SKIP = (2,)
FORMS = ("as_published", "t2v", "aligned", "blank_reference", "with_reference")
CFG = Guidance(text_weight=6.0)
OPTIONAL_BACKENDS = ("_native_flash", "flash", "_flash_3", "sage")


@dataclass(frozen=True)
class Row:
    """Something to time: ``steps`` forwards, or the first ``steps`` steps of a run of ``total`` (a step or run row)."""

    what: str
    label: str
    mode: str = "compiled"  # or eager
    backend: str = "_native_cudnn"
    guidance: Guidance = CFG
    steps: int = 2
    total: int = STEPS

    def key(self, model: str) -> str:
        return f"{model} {self.what} {self.label} {self.mode} {self.backend}"

    def forwards(self) -> int:
        """How many forwards it takes, with those that warm it up."""
        if self.what == "forward":
            return self.steps + 1
        counts = branch_counts(self.guidance, self.total)
        return sum(counts[: self.steps]) + 3

    def warms(self) -> tuple[str, ...]:
        """What has to have run once before it is timed: compilation and kernel selection depend on it."""
        return self.mode, self.backend, "" if self.what == "forward" else self.guidance.weak_branch


def guided(form: str, **settings: Any) -> Guidance:
    """The paper's weights with the weak branch in ``form``; the plain twin is weak enough without skipping."""
    skip = () if form == "t2v" else SKIP
    return Guidance(
        text_weight=6.0, identity_weight=0.5, skip_layers=skip, weak_branch=form, **settings
    )


def branch_counts(guidance: Guidance, total: int) -> list[int]:
    """How many forwards each step of a run takes, as the guider itself says."""
    guider, counts = IdAwareGuidance.from_settings(guidance), []
    for step in range(total):
        guider.set_state(step, total, None)
        counts.append(guider.num_conditions)
    return counts


def rows(architecture: Architecture, on_gpu: bool) -> list[Row]:
    """All rows of a model, the most telling first; those that need a compiled model after those that do not."""
    backend = "_native_cudnn" if on_gpu else "native"
    large = architecture.name == "14b"
    eager = [Row("forward", "cond", "eager", "native")]
    if on_gpu:
        eager.append(Row("forward", "cond", "eager", "_native_cudnn"))
    reused = guided("t2v", reuse_every=architecture.reuse)
    length = 10 if large else STEPS
    early = guided("as_published", identity_schedule=Schedule(stop=0.5))
    cfg = Row("run", "CFG", steps=10)
    compiled = [
        Row("forward", "cond"),
        Row("step", "CFG"),
        Row("step", "GE as_published", guidance=guided("as_published")),
        Row("step", "GE t2v", guidance=guided("t2v")),
        Row(
            "run",
            f"GE t2v, reuse_every {architecture.reuse}",
            guidance=reused,
            steps=length,
        ),
        *([] if large else [cfg]),
        *[Row("step", f"GE {f}", guidance=guided(f), steps=1 + (not large)) for f in FORMS[2:]],
        Row(
            "run",
            "GE as_published, window [0, 0.5), of 10 steps",
            guidance=early,
            steps=10,
            total=10,
        ),
        *([cfg] if large else []),
    ]
    compiled = [replace(row, backend=backend) for row in compiled]
    late = [Row("forward", "cond", "eager", name) for name in OPTIONAL_BACKENDS] if on_gpu else []
    return eager + compiled + late


def timed(device: torch.device, call: Callable[[], Any]) -> float:
    """Seconds that ``call`` takes on ``device``."""
    if device.type != "cuda":
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1000


def time_forwards(work: Workload, row: Row, steps: int) -> tuple[list[float], list[int]]:
    """Seconds of each forward."""
    return [timed(work.device, work.forward) for _ in range(steps)], [1] * steps


def time_steps(work: Workload, row: Row, steps: int) -> tuple[list[float], list[int]]:
    """Seconds and forwards of each step, denoiser and scheduler, as the generator's loop runs them."""
    guider = IdAwareGuidance.from_settings(row.guidance)
    components = SimpleNamespace(
        transformer=work.transformer, guider=guider, scheduler=work.scheduler(row.total)
    )
    state = work.state(row.guidance, row.total)
    denoise, update = VaceDenoiser(), WanLoopAfterDenoiser()
    seconds, forwards = [], []
    for i, t in enumerate(components.scheduler.timesteps[:steps]):
        before = guider.forwards.total()

        def step(i: int = i, t: torch.Tensor = t) -> None:
            denoise(components, state, i, t)
            update(components, state, i, t)

        seconds.append(timed(work.device, step))
        forwards.append(guider.forwards.total() - before)
    if not torch.isfinite(state.latents).all():
        raise RuntimeError("the latents are not finite: the time of such a run says nothing")
    work.latents_made = state.latents
    return seconds, forwards


def measure(work: Workload, row: Row) -> dict[str, Any]:
    """Time ``row``: its seconds, the graphs compiled after the warm-up, and the peak of the GPU's memory in GiB."""
    time_it = time_forwards if row.what == "forward" else time_steps
    if row.warms() not in work.warm:
        time_it(work, row, 1)
        work.warm.add(row.warms())
    on_gpu = work.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    before = counters["stats"]["unique_graphs"]
    seconds, forwards = time_it(work, row, row.steps)
    return {
        "key": row.key(work.architecture.name),
        "model": work.architecture.name,
        "what": row.what,
        "label": row.label,
        "mode": row.mode,
        "backend": row.backend,
        "guidance": row.guidance.model_dump(mode="json"),
        "total": row.total,
        "seconds": [round(s, 5) for s in seconds],
        "forwards": forwards,
        "graphs": counters["stats"]["unique_graphs"],
        "new_graphs": counters["stats"]["unique_graphs"] - before,
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_gpu else None,
    }

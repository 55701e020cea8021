"""What benchmarks/clip_cost/run.py measures of one configuration: forwards, kinds of step, reused forwards, whole clips."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.clip_cost.models import Inputs, Size, request, weights_gib
from benchmarks.evidence.flops import full_flops, plain_flops
from benchmarks.guidance_cost.models import Architecture
from benchmarks.guidance_cost.rows import guided
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.wan_denoise import GuidedDenoiser
from tpige_kedro.video_generators.wan_options import Cache
from tpige_kedro.video_generators.wan_timesteps import sampler

BOTH_KINDS = guided("t2v", reuse_every=5, first_steps=1)  # its first two steps are one of each kind
CFG_1 = Guidance(text_weight=0.0, identity_weight=0.5, weak_branch="t2v")
ALONE = Guidance(text_weight=0.0)
EVERYTHING = Cache(threshold=1e9, first_steps=1, last_steps=0)
KERNELS = 10  # that a profile lists


class Enough(BaseException):
    """Ends a run after the steps that were wanted."""


@dataclass
class Clock:
    """Seconds of each step, and of each forward by its branch."""

    device: torch.device
    steps: list[float] = field(default_factory=list)
    forwards: list[list[str]] = field(default_factory=list)  # the branches of each step
    seconds: list[tuple[str, float]] = field(default_factory=list)  # of each forward
    marks: list[float] = field(default_factory=list)  # when each step began

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    @contextmanager
    def watching(self, wanted: int | None = None) -> Iterator[None]:
        """Time the steps inside; the run ends after ``wanted`` ones."""
        step, predict, marks = GuidedDenoiser.__call__, GuidedDenoiser.predict, self.marks

        def timed_step(this: Any, components: Any, state: Any, i: int, t: Any) -> Any:
            marks.append(self.now())
            if wanted is not None and len(marks) > wanted:
                raise Enough
            self.forwards.append([])
            return step(this, components, state, i, t)

        def timed_forward(
            this: Any, components: Any, state: Any, t: Any, batch: Any, **more: Any
        ) -> Any:
            branch = str(getattr(batch, components.guider._identifier_key)).removeprefix("pred_")
            started = self.now()
            result = predict(this, components, state, t, batch, **more)
            self.seconds.append((branch, self.now() - started))
            self.forwards[-1].append(branch)
            return result

        with (
            patch.object(GuidedDenoiser, "__call__", timed_step),
            patch.object(GuidedDenoiser, "predict", timed_forward),
            suppress(Enough),
        ):
            yield
        self.steps = [b - a for a, b in pairwise(marks)]

    def timed(self, call: Callable[[], Any]) -> tuple[Any, float]:
        started = self.now()
        return call(), self.now() - started


@torch.no_grad()
def forward(generator: Any, inputs: Inputs) -> torch.Tensor:
    """One forward of the conditional branch."""
    output: torch.Tensor = generator.transformer(**inputs.full)[0]
    return output


@torch.no_grad()
def warm_up(generator: Any, inputs: Inputs, twin: bool) -> torch.Tensor:
    """Compile the blocks, for the length of the ``twin`` too; returns what the conditional branch gave, float32."""
    if twin:
        generator._twin(**inputs.plain)
    return forward(generator, inputs).float()


def forward_row(generator: Any, inputs: Inputs, clock: Clock, repeats: int) -> dict[str, Any]:
    """Seconds of a full forward, and its peak of memory."""
    if clock.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = [clock.timed(lambda: forward(generator, inputs))[1] for _ in range(repeats)]
    return {
        "seconds": seconds,
        "weights_gib": weights_gib(generator.transformer),
        "peak_gib": peak(clock.device),
    }


def step_row(
    generator: Any, size: Size, device: torch.device, guidance: Guidance, wanted: int
) -> dict[str, Any]:
    """The first ``wanted`` steps of a run of 50, really sampled: seconds of each, and of each forward by branch."""
    configure(generator, steps=50, sampler="unipc", flow_shift=16.0, sigmas="reference")
    clock = Clock(device)
    with clock.watching(wanted):
        sample(generator, size, guidance)
    return {"steps": clock.steps, "branches": clock.forwards, "forwards": clock.seconds}


def cache_row(generator: Any, size: Size, device: torch.device) -> dict[str, Any]:
    """A step whose forwards are all computed under the watch of the cache, and one whose forwards are all reused."""
    configure(generator, steps=50, sampler="unipc", flow_shift=16.0, sigmas="reference")
    configure(generator, cache=EVERYTHING)
    clock = Clock(device)
    try:
        with clock.watching(2):
            sample(generator, size, guided("t2v"))
    finally:
        configure(generator, cache=None)
    half = len(clock.seconds) // 2
    return {
        "computed": clock.seconds[:half],
        "reused": clock.seconds[half:],
        "count": dict(generator.block_cache.reused),
        "peak_gib": peak(device),
    }


def clip_row(
    generator: Any, size: Size, device: torch.device, steps: int, guidance: Guidance, out: Path
) -> dict[str, Any]:
    """A whole clip of a distilled model, really made: text, reference, sampling, decoding, mp4 where its packages are there."""
    configure(generator, steps=steps, sampler="euler", flow_shift=5.0, sigmas="diffusers")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    asked, clock = request(size, 100 + steps), Clock(device)
    with clock.watching():
        started = clock.now()
        ((_, clip),) = generator.generate([asked], guidance)
        if isinstance(clip, Exception):
            raise clip
        sampled = clock.now()
        frames = clip.frames
        decoded = clock.now()
    _, mp4 = clock.timed(lambda: write_mp4(frames, clip.fps, out))
    return {
        "steps": [*clock.steps, sampled - clock.marks[-1]],
        "before_steps": clock.marks[0] - started,
        "seconds": decoded - started,
        "decode": decoded - sampled,
        "mp4": mp4 if MP4_THERE else None,
        "branches": clock.forwards,
        "frames": list(frames.shape),
        "peak_gib": peak(device),
    }


def parts_row(generator: Any, size: Size, device: torch.device, out: Path) -> dict[str, Any]:
    """Seconds of everything around the sampling: text, reference, decoding in two precisions, mp4."""
    clock, row = Clock(device), dict[str, Any]()
    encoder = generator.text._load()
    generator.text._load = lambda: encoder
    generator.text.prepare([generator.negative_prompt, "warm up"])  # kernels are chosen here
    prompts = [generator.negative_prompt + " again", "a person waves at the camera"]
    row["text"] = clock.timed(lambda: generator.text.prepare(prompts))[1]
    generator.pictures.reference(request(size, 0).references[0])
    picture = request(size, 1).references[0]
    row["reference"] = clock.timed(lambda: generator.pictures.reference(picture))[1]
    row["grey_clip_once"] = clock.timed(
        lambda: generator.pictures.plain(0.0, generator.options.num_frames)
    )[1]
    a, vae, frames = size.transformer, generator.pipeline.vae, None
    latents = torch.randn(1, 16, a.latent_frames, *a.frame, device=device)
    for dtype in (torch.float32, torch.bfloat16):
        vae.to(dtype)
        decode(generator, latents[:, :, :3])
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        name = str(dtype).removeprefix("torch.")
        frames, row[f"decode_{name}"] = clock.timed(lambda: decode(generator, latents))
        row[f"decode_{name}_peak_gib"] = peak(device)
    vae.to(getattr(torch, generator.options.vae_dtype))
    seconds = clock.timed(lambda: write_mp4(frames, 16, out))[1]
    row["mp4"] = seconds if MP4_THERE else None
    return row


def decode(generator: Any, latents: torch.Tensor) -> Any:
    """Frames (T, H, W, 3) uint8 on the host, by the product's own decoding."""
    import numpy as np

    from tpige_kedro.video_generators.wan_decoding import decoded_frames

    return np.concatenate(list(decoded_frames(generator.pipeline.vae, latents[0], "nearest")))


def mp4_is_there() -> bool:
    try:
        import av  # noqa: F401

        import tpige_kedro.datasets.mp4_encoding  # noqa: F401
    except ImportError:
        return False
    return True


MP4_THERE = mp4_is_there()


def write_mp4(frames: Any, fps: float, out: Path) -> None:
    """As the product compresses a clip; nothing without PyAV and Kedro."""
    if not MP4_THERE:
        return
    from tpige_kedro.datasets.mp4_encoding import encode_clip

    (out / "clip.mp4").write_bytes(encode_clip([frames], frames.shape, fps).content)


def configure(generator: Any, **options: Any) -> None:
    """Other settings of sampling for the same generator."""
    generator.options = new = generator.options.model_copy(update=options)
    if "sampler" in options:
        from diffusers import UniPCMultistepScheduler

        base = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
        generator.pipeline.register_components(scheduler=sampler(base, new.sampler, new.flow_shift))


def sample(generator: Any, size: Size, guidance: Guidance) -> None:
    """Begin a run as the product does; :class:`Enough` ends it."""
    asked = request(size, 2)
    generator.text.prepare([generator.negative_prompt, asked.prompt])
    conditions = [generator.conditions(asked, guidance)]
    generator.latents([asked], conditions, guidance, generator.guider(guidance))


def attention_flops(a: Architecture, plain: bool) -> float:
    """Of :func:`evidence_flops.full_flops` or ``plain_flops``, what attention alone takes."""
    of_frames = a.tokens // (a.latent_frames + 1) * a.latent_frames
    tokens = of_frames if plain else a.tokens
    blocks = a.size.layers + (0 if plain else len(range(0, a.size.layers, a.size.hint_every)))
    width = a.size.heads * a.size.head_dim
    return blocks * (4.0 * tokens**2 * width + 4.0 * tokens * a.text_length * width)


def floor(a: Architecture, rates: dict[str, float], linear: str, attention: str) -> float | None:
    """Seconds of a full forward if each operation ran at the card's measured rate of matrix products in its precision."""
    if not rates:
        return None
    of_attention = attention_flops(a, plain=False)
    return (full_flops(a) - of_attention) / rates[linear] + of_attention / rates[attention]


def weak_share(a: Architecture) -> float:
    """A forward of the plain twin over a full one, in operations."""
    of_frames = a.tokens // (a.latent_frames + 1) * a.latent_frames
    return plain_flops(a, of_frames) / full_flops(a)


def profile(generator: Any, inputs: Inputs, device: torch.device) -> str:
    """The kernels that take most of a forward."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profiler(activities=activities) as seen:
        forward(generator, inputs)
        if on_gpu:
            torch.cuda.synchronize()
    order = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
    return str(
        seen.key_averages().table(sort_by=order, row_limit=KERNELS, max_name_column_width=90)
    )


def peak(device: torch.device) -> float | None:
    """GiB of the card that tensors have taken at most."""
    return torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None

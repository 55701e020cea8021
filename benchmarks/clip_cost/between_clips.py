"""How long a card waits between two clips: seconds from the last decoded frame of one to the first step of the next.

Run on one GPU: ``PYTHONPATH=src python -m benchmarks.clip_cost.between_clips --device cuda --commit $(git rev-parse --short HEAD)``. The published
VACE-1.3B at 832 x 480 x 81 frames with one reference, random weights (6.5 GB, written to a temporary folder), few steps; the product's
own generator, item folder and MP4 files. ``--model tiny --device cpu`` tries it out in seconds. Random weights decode to noise, which
takes a codec many times as long as a clip does, so the frames that are written are those of a moving gradient with some grain;
the decoder computes all the same.

Rows: ``inline`` compresses and saves each clip before the next one is begun, as was done before; ``behind`` is the product; ``bfloat16`` and
``compiled`` are the product with these options of the VAE (the first clip of ``compiled`` compiles, and is left out).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from benchmarks.guidance_cost.run import about
from tpige_kedro.datasets import Clip, ItemFolder
from tpige_kedro.execution.local import work_off
from tpige_kedro.execution.work import Job, Made, Result, Work
from tpige_kedro.pipelines.generation_variants.writing import ClipWriter
from tpige_kedro.rehearsal.layouts.wan import SIZES, TINY, pipeline_folder
from tpige_kedro.schemas import Guidance, Provenance
from tpige_kedro.video_generators import wan
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan_vace import WanVace

ROWS = ("inline", "behind", "bfloat16", "compiled")
SMALL = {"height": 32, "width": 48, "num_frames": 9}
GUIDANCE = Guidance(text_weight=4.0)


def write_weights(model: str, folder: Path) -> None:
    """A pipeline folder; the text encoder has one layer, which changes nothing that is timed."""
    size = TINY["1.3b"] if model == "tiny" else SIZES[model]
    if model != "tiny":
        size = replace(size, encoder=(("num_layers", 1),), text_shards=1)
    for file in pipeline_folder(size, vace=True):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        file.write(path)


def moving_picture(shape: tuple[int, int, int, int]) -> np.ndarray:
    """Frames that compress as a clip does: gradients that move, grain that stays."""
    count, height, width, _ = shape
    rows, columns = np.mgrid[:height, :width]
    grain = np.random.default_rng(0).normal(0, 4, (height, width, 3))
    frames = []
    for t in range(count):
        waves = [128 + 90 * np.sin((rows + k * columns) / 40 + t / 8 + k) for k in (0.3, 0.7, 1.1)]
        frames.append((np.stack(waves, -1) + np.roll(grain, t, 1)).clip(0, 255).astype(np.uint8))
    return np.stack(frames)


class Clock:
    """Notes when sampling and decoding begin and end; hands out ``picture`` instead of what was decoded."""

    def __init__(self, generator: WanVace, picture: np.ndarray) -> None:
        self.sampled: list[tuple[float, float]] = []
        self.decoded: list[tuple[float, float]] = []
        self.picture = picture
        self._latents, self._decode = generator.latents, wan.decoded_frames

    def latents(self, *arguments: Any) -> torch.Tensor:
        start = time.perf_counter()
        latents = self._latents(*arguments)
        latents.isfinite().all().item()  # waits for the card
        self.sampled.append((start, time.perf_counter()))
        return latents

    def decode(self, *arguments: Any) -> Iterator[np.ndarray]:
        start, at = time.perf_counter(), 0
        for group in self._decode(*arguments):
            yield self.picture[at : at + len(group)]
            at += len(group)
        self.decoded.append((start, time.perf_counter()))

    def row(self, skipped: int) -> dict[str, Any]:
        """Medians over the clips, and each wait between two of them."""
        sampled, decoded = self.sampled[skipped:], self.decoded[skipped:]
        waits = [after[0] - before[1] for before, after in zip(decoded, sampled[1:], strict=False)]
        return {
            "clips": len(decoded),
            "sampling": round(statistics.median(b - a for a, b in sampled), 3),
            "decoding": round(statistics.median(b - a for a, b in decoded), 3),
            "between": round(statistics.median(waits), 4) if waits else None,
            "all_between": [round(wait, 4) for wait in waits],
        }


def produced(row: str, generator: WanVace, todo: list[Job]) -> Iterator[tuple[Job, Made]]:
    """The clips, with what is to be saved of each."""
    provenance = Provenance()
    jobs = {job.key: job for job in todo}
    requests = [job.request for job in todo]
    with closing(ClipWriter(provenance)) as writer:
        for request, clip in generator.generate(requests, GUIDANCE):
            if isinstance(clip, Exception):
                raise clip
            job = jobs[request.sample_id]
            if row == "inline":
                frames = clip.frames
                digest = hashlib.sha256(frames.tobytes()).hexdigest()
                kept = Clip(frames, clip.fps, request.prompt, provenance)
                yield job, Result(kept, {"frames_hash": digest})
            else:
                yield job, writer.write(clip, request.prompt, result)


def result(encoded: Any, frames_hash: str) -> Result:
    return Result(encoded, {"frames_hash": frames_hash})


def measure(row: str, generator: WanVace, picture: np.ndarray, clips: int) -> dict[str, Any]:
    """Make some clips into an item folder."""
    clock, skipped = Clock(generator, picture), int(row == "compiled")
    reference = Image.new("RGB", (320, 480), "grey")
    asked = [ClipRequest(f"s{i}", "a person", (reference,), i) for i in range(clips + skipped)]
    jobs = [Job(request.sample_id, request.sample_id, request) for request in asked]
    with tempfile.TemporaryDirectory() as folder:
        store = ItemFolder(path=folder, suffix=".mp4", dataset="tpige_kedro.datasets.Mp4Dataset")
        work = Work("between_clips", jobs, lambda todo: produced(row, generator, todo))
        started = time.perf_counter()
        with (
            patch.object(generator, "latents", clock.latents),
            patch.object(wan, "decoded_frames", clock.decode),
        ):
            work_off(work, store)
        whole = time.perf_counter() - started
        files = [path.stat().st_size for path in Path(folder).glob("*.mp4")]
    found = clock.row(skipped)
    last = started + whole - clock.decoded[-1][1]
    return {"row": row, **found, "after_the_last": round(last, 3), "mp4_kib": max(files) // 1024}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=[*SIZES, "tiny"], default="1.3b")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--clips", type=int, default=3)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS[:3]))
    parser.add_argument("--commit", default="not recorded")
    parser.add_argument("--out", type=Path, help="a file to which the rows are added")
    options = parser.parse_args()
    facts = {**about(torch.device(options.device), options.commit), "model": options.model}
    sizes = SMALL if options.model == "tiny" else {}
    with tempfile.TemporaryDirectory() as folder:
        write_weights(options.model, Path(folder))
        generator = WanVace(folder, **sizes, steps=options.steps, device=options.device)
        made = generator.options
        picture = moving_picture((made.num_frames, made.height, made.width, 3))
        measure("inline", generator, picture, 1)  # warms up
        for row in options.rows:
            if row in ("bfloat16", "compiled"):
                generator.pipeline.vae.to(torch.bfloat16)
            if row == "compiled":
                generator.pipeline.vae.decoder.compile(fullgraph=True, dynamic=False)
            line = json.dumps({**measure(row, generator, picture, options.clips), **facts})
            print(line, flush=True)
            if options.out is not None:
                with options.out.open("a") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    main()

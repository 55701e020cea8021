"""Many clips on many GPUs: clips an hour of 1, 2, 4 … workers, generation and scoring, and what the engine itself costs.

    python -m benchmarks.scale.engines --out DIR --commit $(git rev-parse --short HEAD) [--workers 1,2,4] [--clips 24] [--steps 4]
    python -m benchmarks.scale.engines --out DIR --commit … --kill                    one worker is killed while clips are made
    python -m benchmarks.scale.engines --out DIR --commit … --overhead 2000 --megabytes 4 --workers 8 --cpu

Generation is the product's own stage with VACE-1.3B at full size (``--env``, ``--generator``), random weights in the published layout and
few steps, two variants; scoring is the product's with the scorers of ``--scorers``. Workers load their models in a warm-up of one clip
each, which is not timed. ``efficiency`` is clips an hour per worker, over those of the first number of workers in the same call. With
``--env test`` the mini models are used, which a laptop does in a minute. ``--overhead`` does nothing but return so many megabytes, and
shows the driver's memory half-way and at the end. Appends to ``engines.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from PIL import Image

from tpige_kedro.datasets import ItemFolder, PictureFolder
from tpige_kedro.datasets.items import NONE
from tpige_kedro.execution.engines.in_use import use_engine
from tpige_kedro.execution.engines.pool import Pool, Terms
from tpige_kedro.execution.engines.ray_crew import RayCrew
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.execution.tally import paces, reset_tallies, tallies
from tpige_kedro.execution.work import Job, Result, Task, Work
from tpige_kedro.pipelines.generation_variants.nodes import generate_clips
from tpige_kedro.pipelines.generation_variants.plan import plan_clips
from tpige_kedro.pipelines.scoring.nodes import score_clips
from tpige_kedro.rehearsal.places import places_of
from tpige_kedro.rehearsal.plan import at_scratch
from tpige_kedro.rehearsal.rehearse import read_parameters
from tpige_kedro.rehearsal.scratch import Scratch
from tpige_kedro.rehearsal.settings import Settings
from tpige_kedro.schemas import Execution, ModelSpec, Scoring, Variant

GUIDED = {"text_weight": 4.0, "identity_weight": 0.5, "weak_branch": "t2v", "reuse_every": 4}
VARIANTS = {"vace": {"guidance": {"text_weight": 4.0}}, "vace_ge": {"guidance": GUIDED}}
MINI = {"vace": {"guidance": {"text_weight": 1.0}}, "vace_ge": {"guidance": {"text_weight": 1.0}}}


@dataclass(frozen=True)
class Setting:
    """Models with random weights, and what is made and scored with them."""

    models: dict[str, ModelSpec]
    variants: dict[str, Variant]
    scorers: tuple[str, ...]

    @classmethod
    def of(cls, options: argparse.Namespace) -> Setting:
        """Build the weights that do not ship."""
        settings = Settings(env=options.env, steps=options.steps)
        specs, scratch = read_parameters(settings).models, Scratch(options.scratch.absolute())
        names = [options.generator, *options.scorers.split(",")]
        for name in names:
            scratch.build(places_of(name, specs[name], tiny=False))
        models = {
            n: ModelSpec.model_validate(at_scratch(specs[n], settings, scratch)) for n in names
        }
        rows = MINI if options.env == "test" else VARIANTS
        variants = {
            n: Variant.model_validate({**v, "generator": options.generator})
            for n, v in rows.items()
        }
        return cls(models, variants, tuple(names[1:]))


@dataclass
class Runs:
    """The two stages over samples of one made-up person each, saved below ``folder``."""

    setting: Setting
    folder: Path

    def samples(self, first: int, last: int) -> pd.DataFrame:
        """Samples with a photo each."""
        (self.folder / "references").mkdir(parents=True, exist_ok=True)
        rows = []
        for i in range(first, last):
            picture = Image.linear_gradient("L").resize((512, 512)).convert("RGB").rotate(7 * i)
            picture.save(self.folder / "references" / f"r{i}.png")
            prompt = f"A video of a person who waves at a train, take {i}."
            rows.append((f"s{i}", f"p{i}", prompt, f"r{i}.png", picture_hash(picture)))
        names = ["sample_id", "person_id", "prompt", "reference", "reference_hash"]
        return pd.DataFrame(rows, columns=names)

    def clips(self) -> ItemFolder:
        kind = "tpige_kedro.datasets.Mp4Dataset"
        return ItemFolder(path=str(self.folder / "clips"), suffix=".mp4", dataset=kind)

    def generate(self, samples: pd.DataFrame) -> Work:
        """All variants of the samples."""
        prompts = samples[["sample_id"]].assign(enhanced_prompt=samples["prompt"])
        variants, models = self.setting.variants, self.setting.models
        plan = plan_clips(samples, prompts, NONE, variants, models, seed=0)
        return generate_clips(plan, self._photos(), NONE, variants, models)

    def score(self, samples: pd.DataFrame) -> Work:
        """The clips of the samples."""
        prompts = samples[["sample_id"]].assign(enhanced_prompt=samples["prompt"])
        scoring = Scoring(scorers=self.setting.scorers, overall={"imaging_quality": 1.0})
        clips, models = self.clips().load(), self.setting.models
        return score_clips(samples, prompts, clips, self._photos(), models, scoring)

    def _photos(self) -> Any:
        return PictureFolder(path=str(self.folder / "references")).load()


def timed(items: ItemFolder, work: Work) -> tuple[float, int]:
    """Seconds that saving all took, and how many failed."""
    reset_tallies()
    began = time.perf_counter()
    items.save(work)
    return time.perf_counter() - began, sum(len(t.failures) for t in tallies())


def rows_of(
    setting: Setting, workers: int, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """A row for each stage."""
    per_variant = options.clips // len(setting.variants)
    warm = -(-workers // len(setting.variants))
    with tempfile.TemporaryDirectory() as folder, use_engine(pool_of(workers, options)) as engine:
        runs, scores = Runs(setting, Path(folder)), ItemFolder(path=f"{folder}/scores")
        first, rest = runs.samples(0, warm), runs.samples(warm, warm + per_variant)
        loading, _ = timed(runs.clips(), runs.generate(first))
        stop = killer(engine) if options.kill else lambda: 0
        made, failed = timed(runs.clips(), runs.generate(rest))
        killed = stop()
        common = {"workers": workers, "clips": per_variant * len(setting.variants)}
        yield row("generation", made, **common, failed=failed, killed=killed, first=loading)
        both = pd.concat([first, rest])
        runs.clips().save(runs.generate(both))  # nothing to do: all are asked for again
        first_scores, _ = timed(scores, runs.score(first))
        scored, failed = timed(scores, runs.score(rest))
        yield row("scoring", scored, **common, failed=failed, killed=0, first=first_scores)


def row(stage: str, seconds: float, **facts: Any) -> dict[str, Any]:
    """With the share of the workers' time in which they did nothing."""
    (pace,) = [p for p in paces() if p.items]
    idle = 1 - pace.worker_seconds / (seconds * facts["workers"])
    facts["first"] = round(facts["first"], 1)
    return {
        "stage": stage,
        **facts,
        "seconds": round(seconds, 2),
        "per_hour": round(3600 * facts["clips"] / seconds, 1),
        "idle": round(idle, 3),
    }


def pool_of(workers: int, options: argparse.Namespace) -> Pool:
    threads = 1 if options.cpu or options.env == "test" else None
    return Pool(RayCrew(Execution(engine="ray", workers=workers, threads=threads)), Terms())


def killer(pool: Any) -> Callable[[], int]:
    """Kill a worker at work, once, in the background; returns what waits for that and says how many were killed."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not killed and not over.wait(1.0):
            busy = [seat.pid for seat in pool._seats if seat.is_busy]
            if busy:
                over.wait(3.0)
                os.kill(busy[0], signal.SIGKILL)
                killed.append(busy[0])

    thread = threading.Thread(target=kill)
    thread.start()

    def stop() -> int:
        over.set()
        thread.join()
        return len(killed)

    return stop


@dataclass(frozen=True)
class Nothing:
    """Returns so many bytes that nobody can compress."""

    megabytes: float

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Result]]:
        for job in todo:
            yield job, Result(os.urandom(int(self.megabytes * 1e6)))


def write_bytes(data: bytes, file: Path) -> None:
    file.write_bytes(data)


class Plain(ItemFolder):
    """An item folder of bytes."""

    @property
    def write(self) -> Any:
        return write_bytes


def overhead(workers: int, count: int, megabytes: float, options: Any) -> Iterator[dict[str, Any]]:
    """What a job costs that does nothing, fsync included, and how much memory this process has half-way and at the end."""
    does, me = Nothing(megabytes), psutil.Process()
    with tempfile.TemporaryDirectory() as folder, use_engine(pool_of(workers, options)):
        items = Plain(path=folder, suffix=".bin", dataset="tpige_kedro.datasets.TextFile")
        done = 0
        for part in (workers * 2, count // 2, count - count // 2):  # the first starts the workers
            jobs = [Job(f"k{done + i}", "f", None) for i in range(part)]
            done += part
            tasks = [Task(does.produce, (job,)) for job in jobs]
            work = Work("nothing", jobs, does.produce, share=lambda _, run, t=tasks: run(t))
            seconds, failed = timed(items, work)
            yield {
                "stage": "nothing",
                "workers": workers,
                "clips": part,
                "megabytes": megabytes,
                "failed": failed,
                "seconds": round(seconds, 2),
                "ms_per_clip": round(1e3 * seconds / part, 2),
                "driver_mb": round(me.memory_info().rss / 1e6),
            }


def device() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--commit", default="not recorded")
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--env", default="vace_1_3b")
    parser.add_argument("--generator", default="vace_1_3b")
    parser.add_argument("--scorers", default="photo_motion,photo_imaging,photo_clip")
    parser.add_argument("--scratch", type=Path, default=Path("random_weights"))
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--overhead", type=int, metavar="CLIPS")
    parser.add_argument("--megabytes", type=float, default=4.0)
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    numbers = [int(number) for number in options.workers.split(",")]
    setting = None if options.overhead else Setting.of(options)
    alone: dict[str, float] = {}
    for number in numbers:
        rows = (
            rows_of(setting, number, options)
            if setting is not None
            else overhead(number, options.overhead, options.megabytes, options)
        )
        for found in rows:
            if "per_hour" in found:
                each = found["per_hour"] / number
                found["efficiency"] = round(each / alone.setdefault(found["stage"], each), 3)
            found |= {"device": device(), "commit": options.commit}
            print(json.dumps(found), flush=True)
            with (options.out / "engines.jsonl").open("a") as file:
                file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

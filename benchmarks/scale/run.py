"""What the house costs at size: samples x 6 variants x 4 scorers, with stand-ins for all networks and everything else real.

    python -m benchmarks.scale.run --out DIR [--samples 20,100,300,1000] [--megapixels 0.004]

For each n: a first run that makes everything, then reruns with nothing to do, each a ``kedro run`` of its own. CPU seconds are user
and system time of the whole process, imports included; memory is the peak of its resident set. ``--overhead`` times single
commits instead. Results: a row per run in ``DIR/rows.jsonl``, printed as a table.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

ROOT = Path(__file__).parents[2]
COLUMNS = ("sample_id", "person_id", "prompt", "reference", "consent")
PEOPLE = 5  # samples a person, as in the challenge
SCENES = ("reads a book", "runs along a beach", "bakes bread", "plays chess", "paints a wall")


def write_samples(folder: Path, count: int, megapixels: float) -> None:
    """``count`` samples of ``count / 5`` people; every person's photo has so many megapixels."""
    (folder / "references").mkdir(parents=True)
    side = max(16, round((megapixels * 1e6) ** 0.5))
    with (folder / "samples.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for i in range(count):
            person = f"p{i // PEOPLE:04}"
            prompt = f"A man {SCENES[i % PEOPLE]} in the morning, take {i}."
            rows.writerow([f"s{i:05}", person, prompt, f"{person}.jpg", "synthetic"])
            photo = folder / "references" / f"{person}.jpg"
            if not photo.exists():
                noise = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
                Image.fromarray(noise).resize((side, side)).save(photo, quality=90)


def write_configuration(conf: Path) -> None:
    """The shipped configuration with stand-in models, six variants that run, and MLflow as shipped."""
    shutil.copytree(ROOT / "conf", conf)
    variants = yaml.safe_load((conf / "base/parameters_variants.yml").read_text())["variants"]
    for name in ("hailuo", "vace_pe_fast", "vace_pe_ge_fast"):
        del variants[name]
    (conf / "base/parameters_variants.yml").write_text(yaml.safe_dump({"variants": variants}))
    scorers = {
        f"mini_{family}": stand_in("benchmarks.scale.stand_ins.Scorer", family=family)
        for family in ("face", "alignment", "motion", "imaging")
    }
    makers = {
        "mini_vace": "benchmarks.scale.stand_ins.Generator",
        "mini_phantom": "benchmarks.scale.stand_ins.Generator",
        "mini_reader": "benchmarks.scale.stand_ins.Reader",
        "mini_still": "benchmarks.scale.stand_ins.Editor",
        "mini_identity": "tpige_kedro.rehearsal.stand_ins.Judge",
    }
    models = {name: stand_in(cls) for name, cls in makers.items()} | scorers
    experts = [name for name in variants if name != "phantom_pe_ge"]
    (conf / "scale").mkdir()
    compared = [["vace_pe_ge", "vace_pe"], ["phantom_pe_ge", "phantom"]]
    settings = {
        "models": models,
        "moe": {"experts": experts, "comparisons": compared},
        "scoring": {"scorers": list(scorers)},
    }
    (conf / "scale/parameters.yml").write_text(yaml.safe_dump(settings))


def stand_in(cls: str, **options: Any) -> dict[str, Any]:
    """An entry of ``models``; null takes away what conf/base says."""
    return {"type": cls, "source": None, "options": options}


def run(work: Path, *params: str) -> dict[str, Any]:
    """One ``kedro run``: seconds of CPU and wall, peak memory in MB."""
    roots = [f"data_root={work / 'data'}", f"samples_root={work / 'samples'}", *params]
    command = [sys.executable, "-m", "kedro", "run", "--env=scale"]
    command += [f"--conf-source={work / 'conf'}", f"--params={','.join(roots)}"]
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = os.environ | {
        "PYTHONPATH": paths,
        "MLFLOW_TRACKING_URI": f"sqlite:///{work / 'mlflow.db'}",
        "DO_NOT_TRACK": "1",
    }
    with (work / "log").open("w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    if status:
        raise SystemExit((work / "log").read_text()[-3000:])
    return {
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),
        "wall": round(wall, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def measure(count: int, megapixels: float, reruns: int) -> Iterator[dict[str, Any]]:
    """The first run of ``count`` samples and ``reruns`` with nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_samples(work / "samples", count, megapixels)
        write_configuration(work / "conf")
        size = {"n": count, "megapixels": megapixels}
        yield {**size, "run": "first", **run(work), **counted(work / "data")}
        for _ in range(reruns):
            yield {**size, "run": "again", **run(work)}


def counted(data: Path) -> dict[str, float]:
    """How many files there are per clip: of the clip and its scores, and of all that a run leaves."""
    clips = len(list((data / "07_model_output/clips").rglob("*.mp4")))
    models = [f for f in (data / "07_model_output").rglob("*") if f.is_file()]
    everything = [f for f in data.rglob("*") if f.is_file()]
    return {
        "clips": clips,
        "files_per_clip": round(len(models) / clips, 2),
        "all_files_per_clip": round(len(everything) / clips, 2),
    }


def overhead(count: int = 500) -> dict[str, Any]:
    """Milliseconds of wall that saving a clip of 200 kB and its scores costs beyond writing the clip's bytes, fsync included."""
    from tpige_kedro.datasets import ItemFolder
    from tpige_kedro.execution.work import Job, Result, Work

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        source = root / "clip.mp4"
        source.write_bytes(os.urandom(200_000))
        dataset = "tpige_kedro.datasets.Mp4Dataset"
        clips = ItemFolder(path=str(root / "clips"), suffix=".mp4", dataset=dataset)
        scores = ItemFolder(path=str(root / "scores"))
        parts = {f"scorer{i}": {"values": {f"m{j}": 0.5 for j in range(3)}} for i in range(4)}
        jobs = [Job(f"vace/s{i:05}", "f" * 32, None, "vace", (f"p{i}",)) for i in range(count)]
        began = time.perf_counter()
        for i in range(count):
            (root / f"plain{i}").write_bytes(source.read_bytes())
        plain = time.perf_counter() - began
        began = time.perf_counter()
        clips.save(Work("clips", jobs, lambda todo: ((j, Result(source)) for j in todo)))
        scores.save(Work("scores", jobs, lambda todo: ((j, Result(parts)) for j in todo)))
        spent = time.perf_counter() - began
    return {
        "run": "overhead",
        "clips": count,
        "ms_per_clip": round(1e3 * (spent - plain) / count, 2),
    }


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", default="20,100,300,1000")
    parser.add_argument("--megapixels", type=float, default=0.004)
    parser.add_argument("--reruns", type=int, default=3)
    parser.add_argument("--overhead", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows: Iterator[dict[str, Any]] = (
        iter([overhead()])
        if options.overhead
        else (
            row
            for n in options.samples.split(",")
            for row in measure(int(n), options.megapixels, options.reruns)
        )
    )
    with (options.out / "rows.jsonl").open("a") as file:
        for row in rows:
            print(json.dumps(row), flush=True)
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()

"""Clips scored per minute: the scoring stage against the authors' way, on the same clips in one run, split by cause.

Run: ``python -m benchmarks.scoring_cost.run --size 80x80x17 --clips 20`` (mini scorers) or, for the photographic scorers with rule-made weights,
``python -m benchmarks.scoring_cost.run --env paper --size 832x480x81 --clips 4``. ``--clips 500 --authors-clips 0`` looks at memory alone.

Ours is one process for all clips. The authors' scripts start two processes a clip (faces; VBench), which load all their weights, and
take an eigendecomposition a frame for the "FID". Decoder and networks are the same code in both, so the ratio says what the organisation costs, not
whose networks are faster. "networks: face detection" and "networks: ArcFace" are insightface's, with what it does before and after them;
"networks: photo_face" is the rest of that scorer. Writes ``scoring.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PORTRAIT = ROOT / "data/01_raw/demo/references/person01.png"
FACES = (
    "face",
    "cur",
    "arc",
)  # in the names of scorers: the authors' first script; the others are the second
PROMPT = "An astronaut waves a hand."


def write_clips(folder: Path, count: int, size: tuple[int, int, int]) -> list[str]:
    """A portrait that drifts over coloured noise, another drift in each clip."""
    from tpige_kedro.datasets.mp4 import Clip, Mp4Dataset

    width, height, frames = size
    portrait = Image.open(PORTRAIT).convert("RGB").resize((min(width, height),) * 2)
    files = []
    for i in range(count):
        random = np.random.default_rng(i)
        small = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        ground = np.asarray(Image.fromarray(small).resize((width, height)))
        drift = random.integers(-1, 2, 2)
        pixels = []
        for t in range(frames):
            frame = Image.fromarray(ground)
            corner = ((width - portrait.width) // 2, (height - portrait.height) // 2)
            frame.paste(portrait, (int(corner[0] + drift[0] * t), int(corner[1] + drift[1] * t)))
            pixels.append(np.asarray(frame))
        files.append(str(folder / f"{i:04}.mp4"))
        Mp4Dataset(filepath=files[-1]).save(Clip(np.stack(pixels), 16))
    return files


def scorers_of(env: str, weights: Path) -> dict[str, Any]:
    """The entries of ``scoring.scorers`` in an environment; photographic ones with random weights, as the rehearsal builds them."""
    from tpige_kedro.config import ProjectConfigLoader

    loader = ProjectConfigLoader(
        conf_source=str(ROOT / "conf"),
        env=env,
        base_env="base",
        default_run_env="local",
        merge_strategy={"parameters": "soft"},
    )
    parameters = loader["parameters"]
    specs = {name: parameters["models"][name] for name in parameters["scoring"]["scorers"]}
    named = {
        n: s for n, s in specs.items() if "source" in s
    }  # the flow has no weights, and the authors have no flow
    photographic = {n: s for n, s in named.items() if n.startswith("photo_")}
    if not photographic:
        return named
    from tpige_kedro.rehearsal.files import write_files
    from tpige_kedro.rehearsal.layouts import scorers

    write_files(weights, [*scorers.face_folder(False), *scorers.amt(False), *scorers.musiq(False)])
    made = ("photo_face", "photo_motion", "photo_imaging")
    source = {"source": str(weights), "revision": None}
    return {n: {**s, **source} for n, s in photographic.items() if n in made}


def work(order: dict[str, Any]) -> dict[str, Any]:
    """One worker process; its result, and ``wall`` seconds as seen from here."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({**order, "started": time.time()}, file)
        file.flush()
        start = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.scoring_cost.worker", file.name]
        places = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": wall}


def families(scorers: dict[str, Any]) -> list[tuple[dict[str, Any], bool]]:
    """The authors' two scripts: (their scorers, whether the "FID" is in it)."""
    faces = {n: s for n, s in scorers.items() if any(word in n for word in FACES)}
    others = {n: s for n, s in scorers.items() if n not in faces}
    return [(part, part is faces) for part in (faces, others) if part]


def measure(clips: list[str], scorers: dict[str, Any], authors_clips: int) -> dict[str, Any]:
    """Both ways; seconds per clip by cause."""
    common = {"prompt": PROMPT, "reference": str(PORTRAIT)}
    ours = work({**common, "clips": clips, "scorers": scorers, "eigendecompositions": False})
    result: dict[str, Any] = {"ours": per_clip([ours], len(clips))}
    result["resident_mib"] = ours["resident_mib"]
    theirs = [
        work({**common, "clips": [clip], "scorers": part, "eigendecompositions": with_fid})
        for clip in clips[:authors_clips]
        for part, with_fid in families(scorers)
    ]
    if theirs:
        result["authors"] = per_clip(theirs, authors_clips)
        result["ratio"] = result["authors"]["wall"] / result["ours"]["wall"]
        steady = result["ours"]["wall"] - result["ours"]["start-up"] - result["ours"]["weights"]
        result["ratio_without_our_start"] = result["authors"]["wall"] / steady
    return result


def device_name() -> str:
    """The accelerator that the scorers choose by themselves, or the processor."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def per_clip(workers: list[dict[str, Any]], clips: int) -> dict[str, float]:
    """Seconds per clip by cause, and in all."""
    causes = dict.fromkeys(cause for worker in workers for cause in worker["seconds"])
    split = {c: sum(w["seconds"].get(c, 0) for w in workers) / clips for c in causes}
    wall = sum(worker["wall"] for worker in workers) / clips
    return {**split, "other": wall - sum(split.values()), "wall": wall}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    ours, authors = result["ours"], result.get("authors", {})
    lines = [f"{'seconds per clip':28}{'ours':>10}{'authors':>10}"]
    for cause in dict.fromkeys([*ours, *authors]):
        cells = (f"{way[cause]:10.3f}" if cause in way else f"{'–':>10}" for way in (ours, authors))
        lines.append(f"{cause:28}{''.join(cells)}")
    rates = (f"{60 / way['wall']:10.1f}" if way else f"{'–':>10}" for way in (ours, authors))
    lines.append(f"{'clips per minute':28}{''.join(rates)}")
    if authors:
        lines.append(
            f"ratio {result['ratio']:.1f}; {result['ratio_without_our_start']:.1f} once our process has started"
        )
    memory = result["resident_mib"]
    tenth = memory[len(memory) // 10]
    lines.append(
        f"memory: {memory[0]:.0f} MiB after the first clip, {tenth:.0f} after a tenth, {memory[-1]:.0f} after all, at most {max(memory):.0f}"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="80x80x17", help="width x height x frames")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--authors-clips", type=int, default=2, help="how many of them their way")
    parser.add_argument("--env", default="local", help="whose scoring.scorers; `paper`: by rule")
    parser.add_argument("--out", type=Path, default=Path("scoring.json"))
    options = parser.parse_args()
    size = tuple(int(part) for part in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        clips = write_clips(Path(folder), options.clips, size)  # type: ignore[arg-type]
        scorers = scorers_of(options.env, Path(folder) / "weights")
        result = measure(clips, scorers, min(options.authors_clips, options.clips))
    setting = {"size": options.size, "clips": options.clips, "scorers": list(scorers)}
    machine = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "device": device_name(),
    }
    options.out.write_text(json.dumps({**setting, **machine, **result}, indent=1))
    print(report(result))


if __name__ == "__main__":
    main()

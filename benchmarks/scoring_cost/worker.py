"""A process of ``benchmarks/scoring_cost/run.py``: scores the clips it is given in one of two ways and prints where the time went, as JSON.

``ours`` calls the scoring stage's own functions. ``authors`` has the cost structure of the authors' scripts, written from the facts:
a process and all weights for a single clip, and a "FID" of each frame that takes the square root of the product of two
2048 x 2048 covariances by an eigendecomposition (of zeros, because one picture has no covariance).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FEATURES = 2048
FACE_FRAMES = 16


class Clock:
    """Seconds by cause; those of a cause within another one, in the same thread, count for the inner one alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within = threading.local()

    @contextmanager
    def cause(self, name: str) -> Any:
        outer, self._within.seconds = getattr(self._within, "seconds", 0.0), 0.0
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0) + spent - self._within.seconds
            self._within.seconds = outer + spent

    def count(self, kind: type, method: str, name: str) -> None:
        """Count what ``method`` takes in all objects of a class."""
        plain = getattr(kind, method)

        def timed(*arguments: Any) -> Any:
            with self.cause(name):
                return plain(*arguments)

        setattr(kind, method, timed)


class Timed:
    """A scorer or a clip whose seconds are counted under ``name``."""

    def __init__(self, model: Any, clock: Clock, name: str) -> None:
        self.model, self.clock, self.name = model, clock, name

    def score(self, clip: Any) -> Any:
        with self.clock.cause(self.name):
            return self.model.score(clip)

    def load(self) -> Any:
        with self.clock.cause(self.name):
            return self.model.load()


def resident() -> float:
    """Memory of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def run(order: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """Score all clips of ``order``; the result holds seconds by cause, memory after each clip, and the values."""
    with clock.cause("start-up"):
        import torch
        from PIL import Image

        from tpige_kedro.datasets.mp4 import Mp4Dataset
        from tpige_kedro.execution.work import Job
        from tpige_kedro.faces.insightface_models import InsightFaceModels
        from tpige_kedro.models import load_model
        from tpige_kedro.pipelines.scoring.jobs import ScoreRequest
        from tpige_kedro.pipelines.scoring.scored import Scored, score_each
        from tpige_kedro.schemas import ModelSpec

    clock.count(InsightFaceModels, "detect", "networks: face detection")
    clock.count(InsightFaceModels, "embed", "networks: ArcFace")
    with clock.cause("weights"):
        specs = {name: ModelSpec.model_validate(s) for name, s in order["scorers"].items()}
        scorers = {n: Timed(load_model(s), clock, f"networks: {n}") for n, s in specs.items()}
    photo = Image.open(order["reference"]).convert("RGB")
    clips = []
    for number, file in enumerate(order["clips"]):
        clip: Any = Timed(Mp4Dataset(filepath=file), clock, "decode")
        identities = dict.fromkeys(specs, "")  # no fingerprints: nothing is kept here
        request = ScoreRequest(
            str(number), order["prompt"], None, "photo", "", clip, "", identities
        )
        clips.append(Scored(Job(str(number), "", request), {}))
    values: dict[str, Any] = {}
    memory = []
    for scored in score_each(clips, scorers, {"photo": lambda: photo}):
        if scored.errors:
            raise scored.errors[0]
        found = [part["values"] for part in scored.parts.values()]
        values[scored.job.key] = {name: value for part in found for name, value in part.items()}
        memory.append(round(resident(), 1))
    if order["eigendecompositions"]:
        with clock.cause("eigendecomposition"):
            for _ in range(FACE_FRAMES * len(clips)):
                square_root_of_product(torch)
    return {"values": values, "resident_mib": memory}


def square_root_of_product(torch: Any) -> None:
    """What the authors' "FID" spends on a frame: covariances of two doubled rows, and the root of their product."""
    a, b = (torch.rand(1, FEATURES).repeat(2, 1) for _ in range(2))
    product = torch.cov(a.T) @ torch.cov(b.T)
    values, vectors = torch.linalg.eigh(product)
    (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text())
    clock = Clock()
    clock.seconds["start-up"] = time.time() - order["started"]
    result = run(order, clock)
    print(json.dumps({"seconds": clock.seconds, **result}))


if __name__ == "__main__":
    main()

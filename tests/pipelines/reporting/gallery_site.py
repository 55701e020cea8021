"""A finished run large enough for a gallery of two pages: 22 samples, three variants, clips of two seconds; laid out as a run does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from finished_run import FinishedRun, fill, status_table
from PIL import Image

from tpige_kedro.datasets import Clip
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.work import Result
from tpige_kedro.metrics.overall import PAPER_WEIGHTS, overall
from tpige_kedro.schemas import Moe, Variant

VARIANTS = ("vace", "vace_pe", "phantom")
COUNT = 22
IDS = [f"s{i:02}" for i in range(COUNT)]
MISSING = ("phantom", "s03")  # its clip failed
FACELESS = ("vace", "s05")  # a frame in four shows a face
MOE = Moe(experts=VARIANTS, baseline="vace", resamples=100)
JOBS = ("chef", "welder", "king", "diver")


def scores() -> pd.DataFrame:
    """Values without ties, in another order for every metric."""
    values = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for variant in VARIANTS:
        for sample in IDS:
            row = {name: float(values.uniform(0.2, 0.9)) for name in PAPER_WEIGHTS}
            row |= {"face_feature_sqdist": float(values.uniform(50, 300)), "face_rate": 1.0}
            if (variant, sample) == FACELESS:
                row["face_rate"] = 0.25
            row["overall"] = overall(row)
            lost = (variant, sample) == MISSING
            reasons = {f"{name}_reason": "no clip" if lost else None for name in row}
            shown = dict.fromkeys(row, float("nan")) if lost else row
            rows.append({"sample_id": sample, "variant": variant, **shown, **reasons})
    return pd.DataFrame(rows)


def moving(frames: int) -> Clip:
    """A bar that moves over a plain picture, twelve frames a second."""
    pixels = np.full((frames, 48, 64, 3), 90, np.uint8)
    for i in range(frames):
        pixels[i, :, 2 * i : 2 * i + 6] = (240, 200, 40)
    return Clip(pixels, fps=12)


class GallerySite(FinishedRun):
    """A finished run with its report below ``root``."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        table = pd.DataFrame(
            {
                "sample_id": IDS,
                "person_id": [f"p{i % 6}" for i in range(COUNT)],
                "prompt": [
                    f"A {JOBS[i % 4]} <img src=x onerror=alert(1)> number {i}."
                    for i in range(COUNT)
                ],
                "reference": "p.jpg",
                "consent": "synthetic",
                "reference_hash": "hash of p",
            }
        )
        enhanced = table["prompt"].str.replace("number", "tall, number")
        self.inputs |= {
            "checked_samples": table,
            "enhanced_prompts": table.assign(enhanced_prompt=enhanced),
            "references": {"p.jpg": lambda: Image.new("RGB", (60, 80), (90, 120, 60))},
            "variant_status": status_table({name: Variant(generator="wan") for name in VARIANTS}),
            "params:moe": MOE,
        }
        fill(self.given["enhanced_references"], {})
        fill(
            self.given["clips"], {"vace/s00": Result(moving(24)), "phantom/s00": Result(moving(18))}
        )
        made = {key: item.path for key, item in self.given["clips"].load().items()}
        shorter = {f"phantom/{s}": Result(made["phantom/s00"]) for s in IDS[1:]}
        longer = {f"{v}/{s}": Result(made["vace/s00"]) for v in VARIANTS[:2] for s in IDS}
        kept = {"phantom/s00": Result(made["phantom/s00"])}
        lost = {"/".join(MISSING): TpigeError(f"sample {MISSING[1]}: out of memory")}
        fill(self.given["clips"], {**longer, **kept, **shorter, **lost}, mark="all")
        self.score(scores(), MOE)

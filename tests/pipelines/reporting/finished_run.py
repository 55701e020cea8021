"""What the earlier stages leave, made up: two samples, two variants and a skipped one, small pictures; and its report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from tpige_kedro.datasets import Clip, ItemFolder, TableDataset, TextFile
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.tally import reset_tallies, tallies
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.metrics.overall import PAPER_WEIGHTS, overall
from tpige_kedro.pipelines.generation_variants.descriptions import describe
from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    select_experts,
    share_wins,
    summarise_variants,
)
from tpige_kedro.pipelines.reporting import create_pipeline
from tpige_kedro.schemas import ModelSpec, Moe, Reporting, Scoring, Variant

SAMPLES = ("id1", "id2")
NO_SETS = pd.DataFrame(columns=["variant", "n"])
VALUES = {("vace", "id1"): 0.4, ("vace", "id2"): 0.7, ("vace_pe", "id1"): 0.6}  # id2: no clip
PNG = {"suffix": ".png", "dataset": {"type": "pillow.ImageDataset"}}
GIVEN: dict[str, dict[str, Any]] = {  # item folders of earlier stages
    "face_attributes": {},
    "rewritten_prompts": {},
    "written_reference_prompts": {},
    "enhanced_references": PNG,
    "clips": {"suffix": ".mp4", "dataset": "tpige_kedro.datasets.Mp4Dataset"},
    "clip_scores": {},
    "set_score_items": {},
}
MADE: dict[str, dict[str, Any]] = {
    "strips": PNG,
    "contact_sheets": PNG,
    "variant_sheets": PNG,
    "sample_pages": {"suffix": ".html", "dataset": "tpige_kedro.datasets.TextFile"},
}
VARIANTS = {
    "hailuo": Variant(generator="hailuo"),
    "vace": Variant(generator="wan"),
    "vace_pe": Variant(generator="wan", prompt="enhanced", reference="enhanced"),
}
MODELS = {
    "hailuo": ModelSpec(type="a.Hailuo", licence="terms of service", needs=("KEY",)),
    "wan": ModelSpec(type="a.Wan", licence="Apache-2.0", source="some/where", revision="abc"),
}
MOE = Moe(experts=("vace", "vace_pe"), baseline="vace", resamples=200)


def clip(level: int) -> Clip:
    """Nine grey frames with a strip at the left that tells their time."""
    frames = np.full((9, 32, 48, 3), level, np.uint8)
    frames[:, :, :4] = np.arange(0, 225, 25, dtype=np.uint8)[:, None, None, None]  # a clock
    return Clip(frames, fps=8)


def folder(path: Path, options: Mapping[str, Any], **further: Any) -> ItemFolder:
    return ItemFolder(path=str(path), **options, **further)


def fill(items: ItemFolder, outcomes: Mapping[str, Outcome], mark: str = "") -> None:
    """Save outcomes as the items of a folder, as a stage does."""

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        yield from ((job, outcomes[job.key]) for job in todo)

    jobs = [Job(key, fingerprint(key=key, mark=mark), None) for key in outcomes]
    items.save(Work("earlier", jobs, produce))


def score_rows() -> pd.DataFrame:
    rows = []
    for variant in ("vace", "vace_pe"):
        for sample in SAMPLES:
            value = VALUES.get((variant, sample), math.nan)
            parts = {name: value + i / 100 for i, name in enumerate(PAPER_WEIGHTS)}
            row = {**parts, "face_feature_sqdist": 300 * value, "face_rate": value}
            row["overall"] = math.nan if math.isnan(value) else overall(row)
            reasons = {
                f"{name}_reason": "no clip" if math.isnan(v) else None for name, v in row.items()
            }
            rows.append({"sample_id": sample, "variant": variant, **row, **reasons})
    return pd.DataFrame(rows)


def sample_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": SAMPLES,
            "person_id": ["p1", "p2"],
            "prompt": ["A <b>chef</b> cooks & sings.", "A welder, welding."],
            "reference": ["p1.jpg", "p2.jpg"],
            "consent": "synthetic",
            "reference_hash": ["hash of p1", "hash of p2"],
        }
    )


def status_table(variants: Mapping[str, Variant] = VARIANTS) -> pd.DataFrame:
    rows = [
        {
            "variant": name,
            "status": "skipped" if name == "hailuo" else "ready",
            "reason": "MINIMAX_API_KEY is not set" if name == "hailuo" else "",
            "description": describe(variant, MODELS[variant.generator]),
        }
        for name, variant in variants.items()
    ]
    return pd.DataFrame(rows)


class FinishedRun:
    """The inputs of the reporting pipeline by name, as a run of all earlier stages left them under ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.given = {name: folder(root / name, options) for name, options in GIVEN.items()}
        self.made = {name: folder(root / "out" / name, options) for name, options in MADE.items()}
        self.tables = {
            name: TableDataset(filepath=str(root / "out" / f"{name}.parquet"), csv=True)
            for name in ("sample_overview", "all_failures", "variant_table", "paper_tables")
        }
        for items in self.given.values():
            fill(items, {})
        clips = {f"{v}/{s}": Result(clip(int(200 * x))) for (v, s), x in VALUES.items()}
        failed = TpigeError("sample id2: out of memory; set batch_size to 1")
        fill(self.given["clips"], {**clips, "vace_pe/id2": failed})
        redrawn = Result(
            Image.new("RGB", (64, 64), "gold"), {"chosen": "enhanced", "similarity": 0.83}
        )
        fill(self.given["enhanced_references"], {"id1": redrawn})
        photos = {f"p{i}.jpg": Image.new("RGB", (60, 80), (90 * i, 120, 60)) for i in (1, 2)}
        samples = sample_table()
        enhanced = ["A <b>chef</b>, an old man, cooks & sings.", "A welder, welding."]
        self.inputs: dict[str, Any] = {
            "checked_samples": samples,
            "sample_issues": pd.DataFrame(columns=["sample_id", "problem"]),
            "enhanced_prompts": samples.assign(enhanced_prompt=enhanced),
            "references": {name: lambda p=p: p for name, p in photos.items()},
            "variant_status": status_table(),
            "params:models": MODELS,
            "params:moe": MOE,
            "params:reporting": Reporting(title="A report", setting="Made up."),
            "params:seed": 7,
        }
        self.score(score_rows())

    def score(self, all_scores: pd.DataFrame) -> None:
        """Put these scores, and what the selection makes of them, among the inputs."""
        samples = self.inputs["checked_samples"]
        selection = select_experts(all_scores, samples, MOE)
        scoring = Scoring(scorers=("face",), overall=dict(PAPER_WEIGHTS))
        self.inputs |= {
            "all_scores": all_scores,
            "selection": selection,
            "variant_summary": summarise_variants(all_scores, selection, NO_SETS, MOE, scoring, 0),
            "variant_differences": compare_variants(all_scores, selection, MOE, 0),
            "win_shares": share_wins(selection, MOE),
        }

    def report(self, **changes: Any) -> str:
        """Run the pipeline on the inputs with ``changes`` (parameters by their bare names) and return the page."""
        named = {
            f"params:{n}" if f"params:{n}" in self.inputs else n: v for n, v in changes.items()
        }
        values = {
            name: MemoryDataset(value, copy_mode="assign")
            for name, value in {**self.inputs, **named}.items()
        }
        page = TextFile(filepath=str(self.root / "out" / "report.html"))
        catalog = DataCatalog({**self.given, **self.made, **self.tables, "report": page, **values})
        reset_tallies()
        SequentialRunner().run(create_pipeline(), catalog)
        return page.load()

    def drawn(self, **changes: Any) -> dict[str, int]:
        """How many items of each kind a run draws, by label, where it draws any."""
        self.report(**changes)
        return {tally.label: tally.made for tally in tallies() if tally.made}

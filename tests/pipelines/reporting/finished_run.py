"""What the earlier stages leave, made up: two samples, two variants and a skipped one, small pictures; and its report."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from tpige_kedro.datasets import (
    ChosenClips,
    Clip,
    ItemFolder,
    TableDataset,
    TableFiles,
    TextFiles,
)
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
from tpige_kedro.pipelines.reporting.comparison import (
    Comparison,
    compare_in_print,
    declare_scores,
)
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
    "clip_facts": {},
    "strips": PNG,
    "contact_sheets": PNG,
    "variant_sheets": PNG,
    "sample_pages": {"suffix": ".html", "dataset": "tpige_kedro.datasets.TextFile"},
    "sweep_curves": {"suffix": ".svg", "dataset": "tpige_kedro.datasets.TextFile"},
}
TABLES: dict[str, type[TableDataset]] = {
    **dict.fromkeys(("sample_overview", "all_failures"), TableDataset),
}
PRINTED = ["variant_table", "paper_tables"]
STATISTICS = ["variant_summary", "variant_differences", "win_shares"]
OUT = "08_reporting"
PLACES = {
    "clips": "07_model_output/clips",
    "sample_pages": "samples",
}  # whose folder has another name
VARIANTS = {
    "hailuo": Variant(generator="hailuo"),
    "vace": Variant(generator="wan"),
    "vace_pe": Variant(generator="wan", prompt="enhanced", reference="enhanced"),
}
MODELS = {
    "hailuo": ModelSpec(type="a.Hailuo", licence="terms of service", needs=("KEY",)),
    "wan": ModelSpec(type="a.Wan", licence="Apache-2.0", source="some/where", revision="abc"),
    "face": ModelSpec(type="tpige_kedro.metrics.photo_face.PhotoFaceScorer", licence="research"),
}
MOE = Moe(experts=("vace", "vace_pe"), baseline="vace", resamples=200)
SCORING = Scoring(scorers=("face",), overall=dict(PAPER_WEIGHTS))


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
        self.given = {
            name: folder(root / PLACES.get(name, name), options) for name, options in GIVEN.items()
        }
        self.made = {
            name: folder(root / OUT / PLACES.get(name, name), options)
            for name, options in MADE.items()
        }
        self.chosen = ChosenClips(path=str(root / OUT / "chosen"))
        self.printed = TableFiles(path=str(root / OUT), tables=PRINTED)
        self.tables = {
            name: kind(filepath=str(root / OUT / f"{name}.parquet"), csv=True)
            for name, kind in TABLES.items()
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
            "study_results": {},
            "params:models": MODELS,
            "params:variants": VARIANTS,
            "params:moe": MOE,
            "params:scoring": SCORING,
            "params:reporting": Reporting(title="A report", setting="Made up."),
            "params:seed": 7,
        }
        self.score(score_rows())

    def score(self, all_scores: pd.DataFrame, moe: Moe = MOE) -> None:
        """Put these scores, and what the selection makes of them, among the inputs."""
        samples = self.inputs["checked_samples"]
        selection = select_experts(all_scores, samples, moe)
        self.inputs |= {
            "all_scores": all_scores,
            "selection": selection,
            "variant_summary": summarise_variants(all_scores, selection, NO_SETS, moe, SCORING, 0),
            "variant_differences": compare_variants(all_scores, selection, moe, 0),
            "win_shares": share_wins(selection, all_scores, moe),
        }

    def comparison(self) -> Comparison:
        """The variants as the tables show them."""
        names = ("all_scores", "params:models", "params:scoring")
        scores = declare_scores(*(self.inputs[name] for name in names))
        tables = (self.inputs[name] for name in ("variant_summary", "variant_status"))
        return compare_in_print(*tables, scores)

    def report(self, outputs: Collection[str] = (), **changes: Any) -> str:
        """Run the pipeline on the inputs with ``changes`` (parameters by their bare names) and return the page.

        With ``outputs`` only what these need is made.
        """
        named = {
            f"params:{n}" if f"params:{n}" in self.inputs else n: v for n, v in changes.items()
        }
        given = {**self.inputs, **named}
        given["statistics"] = {name: given.pop(name) for name in STATISTICS}
        values = {n: MemoryDataset(value, copy_mode="assign") for n, value in given.items()}
        names = ["report.html", "gallery.html", "gallery_data.js", "variant_means.svg"]
        pages = TextFiles(path=str(self.root / OUT), files=names)
        others = {"report": pages, "chosen_clips": self.chosen, "printed_tables": self.printed}
        catalog = DataCatalog({**self.given, **self.made, **self.tables, **others, **values})
        pipeline = create_pipeline()
        pipeline = pipeline.to_outputs(*outputs) if outputs else pipeline
        reset_tallies()
        SequentialRunner().run(pipeline, catalog)
        return pages.load()["report.html"]

    def pages(self) -> dict[str, str]:
        """The pages of the samples that the last report links."""
        return self.made["sample_pages"].load().loaded()

    def texts(self) -> dict[str, str]:
        """The report and the gallery with its data."""
        files = (*self.root.glob(f"{OUT}/*.html"), *self.root.glob(f"{OUT}/*.js"))
        return {file.name: file.read_text() for file in files}

    def drawn(self, **changes: Any) -> dict[str, int]:
        """How many items of each kind a run draws, by label, where it draws any."""
        self.report(**changes)
        return {t.label: t.made for t in tallies() if t.made and t.label in MADE}

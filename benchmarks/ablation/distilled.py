"""What the mini LoRA for few steps keeps of the clips of 20 steps, on held-out pairs, and whether ID-aware guidance still helps.

Run: ``PYTHONPATH=src python -m benchmarks.ablation.distilled --lora FILE --out DIR`` on a GPU (a minute on 192 pairs). Every row has
the same pairs, prompts (enhanced) and noise. Each row's clips are kept in ``DIR/clips.csv`` as it ends, the table is printed and
written to ``DIR/table.md``. ``--lora none`` measures the rows without it. The pairs are others than those of ``ablation.py``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.ablation.clips import ClipMaker, Inputs, with_clauses
from benchmarks.ablation.mini_pairs import Pairs, draw_pairs
from benchmarks.ablation.run import MINI, alternating, load_parameters, make_scores, part_of, tf32
from benchmarks.ablation.scores import ClipScores
from tpige_kedro.schemas import Variant

MEASURES = (
    "identity",
    "text match",
    "imaging_quality",
    "face seen",
    "motion_smoothness",
    "overall",
)
BASELINE = "steps_20"
RESAMPLES = 4000


@dataclass(frozen=True)
class Row:
    """A row: the steps, the sampler, whether with the LoRA, and the guidance."""

    steps: int
    guidance: dict[str, Any]
    sampler: str = "euler"
    lora: bool = True
    control: str | None = None  # the row that it is also compared with

    @property
    def model(self) -> str:
        """The name of its generator."""
        return f"{self.sampler}_{self.steps}{'_lora' if self.lora else ''}"

    def options(self, lora: str) -> dict[str, Any]:
        """What it changes of the options of ``mini_vace``."""
        loras = [{"source": lora}] if self.lora else []
        return {"steps": self.steps, "sampler": self.sampler, "loras": loras}


CFG = {"text_weight": 1.0}
GE = {"text_weight": 1.0, "identity_weight": 0.5, "weak_branch": "t2v", "reuse_every": 8}
NO_TEXT = {"text_weight": 0.0}


def of_identity(weight: float = 0.5, **settings: Any) -> dict[str, Any]:
    """Guidance by identity alone."""
    return {**NO_TEXT, "identity_weight": weight, "weak_branch": "t2v", **settings}


ROWS = {
    BASELINE: Row(20, CFG, "unipc", lora=False),
    "steps_20_ge": Row(20, GE, "unipc", lora=False),
    "no_lora_8_cfg": Row(8, CFG, "unipc", lora=False),
    "no_lora_4_cfg": Row(4, CFG, "unipc", lora=False),
    "no_lora_8": Row(8, NO_TEXT, lora=False),
    "no_lora_4": Row(4, NO_TEXT, lora=False),
    "no_lora_4_ge": Row(4, of_identity(), lora=False, control="no_lora_4"),
    "steps_8": Row(8, NO_TEXT),
    "steps_4": Row(4, NO_TEXT),
    "steps_8_ge": Row(8, of_identity(), control="steps_8"),
    "steps_8_ge_reused": Row(8, of_identity(reuse_every=8, first_steps=1), control="steps_8"),
    "steps_4_ge": Row(4, of_identity(), control="steps_4"),
    "steps_4_ge_quarter": Row(4, of_identity(0.25), control="steps_4"),
    "steps_4_ge_one": Row(4, of_identity(1.0), control="steps_4"),
    "steps_4_ge_rescaled": Row(4, of_identity(rescale=1.0), control="steps_4"),
    "steps_4_ge_reused": Row(4, of_identity(reuse_every=4, first_steps=1), control="steps_4"),
    "steps_4_ge_first_half": Row(
        4, of_identity(identity_schedule={"stop": 0.5}), control="steps_4"
    ),
    "steps_4_ge_last_half": Row(
        4, of_identity(identity_schedule={"start": 0.5}), control="steps_4"
    ),
    "steps_4_ge_blank": Row(4, of_identity(weak_branch="blank_reference"), control="steps_4"),
}


class Comparison:
    """The pairs, the generators of the rows, and the scores."""

    def __init__(self, options: argparse.Namespace, rows: dict[str, Row]) -> None:
        self.options = options
        parameters = load_parameters()
        plain = parameters["models"]["mini_vace"]
        for row in rows.values():
            changed = {**plain["options"], **row.options(options.lora)}
            parameters["models"][row.model] = {**plain, "options": changed}
        self.maker = ClipMaker(
            parameters, MINI, options.batch, options.device, options.seed, compiled=False
        )
        device, half = torch.device(options.device), options.pairs // 2
        self.pairs = alternating(
            draw_pairs(half, options.seed, False, device),
            draw_pairs(half, options.seed + 1, True, device),
        )
        self.scores = make_scores(self.maker)
        prompts = with_clauses(self.pairs.prompts, self.maker.clauses(self.pairs))
        self.inputs = Inputs(prompts, self.pairs.pictures)
        models = list(dict.fromkeys(row.model for row in rows.values()))
        self.maker.encode(self.pairs, self.inputs, models)

    def table(self, name: str, row: Row) -> tuple[pd.DataFrame, float]:
        """The measures of each clip of a row, and the seconds a clip took."""
        variant = Variant(generator=row.model, prompt="enhanced", guidance=row.guidance)
        start, seconds, tables = time.perf_counter(), 0.0, []
        with tf32(True):
            batches = self.maker.clips(variant, self.pairs, self.inputs, len(self.pairs.ids))
            for clips in batches:
                seconds += time.perf_counter() - start
                first = sum(map(len, tables))
                tables.append(score(self.scores, clips, self.pairs, first))
                start = time.perf_counter()
        return pd.concat(tables).assign(row=name), seconds / len(self.pairs.ids)


def score(scores: ClipScores, clips: torch.Tensor, pairs: Pairs, first: int) -> pd.DataFrame:
    """The measures of some clips, the first of which is the pair number ``first``."""
    part = part_of(pairs, slice(first, first + len(clips)))
    with tf32(False):
        columns = scores(clips, part)
    measures = {name: columns[name].tolist() for name in MEASURES}
    return pd.DataFrame({"sample_id": part.ids, **measures})


def interval(differences: np.ndarray) -> str:
    """The mean of paired differences and its 95 % bootstrap interval."""
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.quantile(differences[drawn].mean(1), [0.025, 0.975])
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def as_markdown(clips: pd.DataFrame, seconds: dict[str, float]) -> str:
    """One line a row: means, the share of the likeness of 20 steps, and paired differences of likeness."""
    identity = clips.pivot(index="sample_id", columns="row", values="identity")
    means = clips.groupby("row", sort=False)[list(MEASURES)].mean()
    heads = [
        "row",
        *MEASURES,
        "share of 20 steps",
        "identity - 20 steps",
        "identity - no ge",
        "ms a clip",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, values in means.iterrows():
        control = ROWS[str(name)].control
        share = (
            values["identity"] / means.loc[BASELINE, "identity"]
            if BASELINE in means.index
            else np.nan
        )
        against = [
            interval((identity[name] - identity[other]).to_numpy())
            if other in identity and other != name
            else "–"
            for other in (BASELINE, control)
        ]
        cells = [f"{values[m]:.3f}" for m in MEASURES]
        lines.append(
            "| "
            + " | ".join(
                [str(name), *cells, f"{share:.3f}", *against, f"{1000 * seconds[str(name)]:.0f}"]
            )
            + " |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lora", required=True, help="the file, or none")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=192, help="a multiple of 4")
    parser.add_argument("--rows", help="only these, comma-separated")
    parser.add_argument("--batch", type=int, default=192)
    parser.add_argument("--seed", type=int, default=62_000, help="of people, scenes and noise")
    parser.add_argument("--minutes", type=float, default=9.0, help="begin no row after them")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    end = time.perf_counter() + 60 * options.minutes
    names = options.rows.split(",") if options.rows else list(ROWS)
    if unknown := set(names) - set(ROWS):
        raise SystemExit(f"--rows: {sorted(unknown)} are not made; there are {', '.join(ROWS)}")
    rows = {name: ROWS[name] for name in names if options.lora != "none" or not ROWS[name].lora}
    options.out.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(options, rows)
    tables: list[pd.DataFrame] = []
    seconds: dict[str, float] = {}
    for name, row in rows.items():
        if time.perf_counter() > end:
            print(f"no time left for {name}", flush=True)
            continue
        table, seconds[name] = comparison.table(name, row)
        tables.append(table)
        clips = pd.concat(tables)
        clips.to_csv(options.out / "clips.csv", index=False, float_format="%.6g")
        (options.out / "table.md").write_text(as_markdown(clips, seconds))
        print(
            f"{name}: identity {table['identity'].mean():.3f}, {1000 * seconds[name]:.0f} ms a clip",
            flush=True,
        )
    print((options.out / "table.md").read_text())


if __name__ == "__main__":
    main()

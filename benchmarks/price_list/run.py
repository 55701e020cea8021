"""Clips of the mini VACE under each acceleration, on held-out pairs, scored: the price in likeness.

Run: ``PYTHONPATH=src python -m benchmarks.price_list.run --out DIR`` on a GPU (five minutes). All rows have the same pairs, prompts
(enhanced) and noise. Rows are kept in ``DIR/clips.csv`` and ``DIR/rows.json`` as they end; a second call makes what is missing. A row that
fails is named, and the others go on. ``benchmarks.price_list.table`` joins them with the seconds of VACE-14B, and needs no GPU.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.ablation.clips import ClipMaker, EncodedAtOnce, Inputs, with_clauses
from benchmarks.ablation.mini_pairs import draw_pairs
from benchmarks.ablation.run import (
    MINI,
    alternating,
    keep_to_the_settings,
    load_parameters,
    make_scores,
    part_of,
    tf32,
)
from benchmarks.price_list.rows import LORA, ROWS, STEPS, Row, model_of
from benchmarks.price_list.switches import counted, simulate_fp8_attention
from tpige_kedro.schemas import Variant

MEASURES = (
    "identity",
    "text match",
    "imaging_quality",
    "face seen",
    "motion_smoothness",
    "motion_amplitude",
    "flicker",
    "identity spread",
    "gme_score",
    "overall",
)
PLAIN = "mini_vace"
SETTINGS = ("pairs", "batch", "seed", "steps", "lora", "device")


class PriceList:
    """The pairs, what all generators see of them, and the scores."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.maker = ClipMaker(
            load_parameters(options.steps),
            MINI,
            options.batch,
            options.device,
            options.seed,
            compiled=False,
        )
        half, device = options.pairs // 2, torch.device(options.device)
        self.pairs = alternating(
            draw_pairs(half, options.seed, False, device),
            draw_pairs(half, options.seed + 1, True, device),
        )
        self.scores = make_scores(self.maker)
        if find_spec("cv2") is None:
            print("OpenCV is not there: no motion amplitude, no flicker", flush=True)
            self.scores.flow = no_flow
        prompts = with_clauses(self.pairs.prompts, self.maker.clauses(self.pairs))
        self.inputs = Inputs(prompts, self.pairs.pictures)
        self.maker.encode(self.pairs, self.inputs, [PLAIN])
        self.generators: dict[str, Any] = {}

    def generator(self, name: str, row: Row) -> Any:
        """The generator of a row, which sees the texts and pictures that were encoded for all."""
        model = model_of(row, name)
        if model not in self.generators:
            plain = self.maker.parameters["models"][PLAIN]
            changes = dict(row.options)
            if LORA in changes.get("loras", ()):
                changes["loras"] = [{"source": self.options.lora}]
            changed = {**plain, "options": plain["options"] | changes}
            self.maker.parameters["models"][model] = changed
            self.generators[model] = self.equipped(self.maker.model(model), row)
        return self.generators[model]

    def equipped(self, generator: Any, row: Row) -> Any:
        """The generator with the switches of a row, and with what was encoded. A VAE in another precision encodes for itself."""
        first = self.maker.model(PLAIN)
        generator.pipeline.vae.disable_slicing()
        if row.fp8_attention:
            simulate_fp8_attention(generator.transformer)
        if generator.options.vae_dtype != first.options.vae_dtype:
            own = EncodedAtOnce(generator.pictures, self.inputs.pictures, self.maker.batch)
            generator.pictures = own
        else:
            generator.pictures = first.pictures
        generator.text = first.text
        return generator

    def table(self, name: str, row: Row) -> tuple[pd.DataFrame, dict[str, Any]]:
        """The measures of each clip of a row, and what its clips took."""
        generator, tables, seconds = self.generator(name, row), [], 0.0
        variant = Variant(generator=model_of(row, name), prompt="enhanced", guidance=row.checked)
        count, start = len(self.pairs.ids), time.perf_counter()
        with tf32(True), counted(generator) as counts:
            for clips in self.maker.clips(variant, self.pairs, self.inputs, count):
                seconds += time.perf_counter() - start
                tables.append(self.measures(clips, sum(map(len, tables))))
                start = time.perf_counter()
        about = {
            "row": name,
            "clips": count,
            "seconds": round(seconds, 3),
            "steps": generator.options.steps,
            "forwards": counts.forwards(),
            "reused": counts.reused(count),
            **generator.acceleration,
            "device": device_name(self.options.device),
            "torch": torch.__version__,
        }
        return pd.concat(tables).assign(row=name), about

    def measures(self, clips: torch.Tensor, first: int) -> pd.DataFrame:
        """Of some clips, the first of which is that of the pair number ``first``."""
        part = part_of(self.pairs, slice(first, first + len(clips)))
        with tf32(False):
            columns = self.scores(clips, part)
        return pd.DataFrame({"sample_id": part.ids, **{m: columns[m].tolist() for m in MEASURES}})


def no_flow(clips: torch.Tensor) -> dict[str, torch.Tensor]:
    """In place of what needs OpenCV."""
    return {name: torch.full((len(clips),), torch.nan) for name in ("motion_amplitude", "flicker")}


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else device


class Kept:
    """The finished rows in a folder: all clips in one file, and what was counted in another."""

    def __init__(self, folder: Path) -> None:
        self.clips_file, self.about_file = folder / "clips.csv", folder / "rows.json"
        there = self.about_file.exists()
        self.about: dict[str, Any] = json.loads(self.about_file.read_text()) if there else {}
        self.tables: list[pd.DataFrame] = []
        if there:  # a row whose clips alone were written counts as missing
            clips = pd.read_csv(self.clips_file)
            self.tables.append(clips[clips["row"].isin(list(self.about))])

    def add(self, table: pd.DataFrame, about: dict[str, Any]) -> None:
        """Write a row; each file is replaced as a whole."""
        self.tables.append(table)
        self.about[about["row"]] = about
        text = pd.concat(self.tables).to_csv(index=False, float_format="%.6g")
        for file, content in (
            (self.clips_file, text),
            (self.about_file, json.dumps(self.about, indent=1) + "\n"),
        ):
            file.with_suffix(".tmp").write_text(content)
            file.with_suffix(".tmp").replace(file)


def run(options: argparse.Namespace) -> list[str]:
    """Make the rows that are not there, until the time is up; returns those that failed."""
    began = time.perf_counter()
    names = options.rows.split(",") if options.rows else list(ROWS)
    if unknown := set(names) - set(ROWS):
        raise SystemExit(f"--rows: {sorted(unknown)} are not made; there are {', '.join(ROWS)}")
    options.out.mkdir(parents=True, exist_ok=True)
    keep_to_the_settings(options, SETTINGS)
    kept, failed = Kept(options.out), list[str]()
    missing = [name for name in names if name not in kept.about]
    if not missing:
        print("all rows are there")
        return failed
    prices = PriceList(options)
    print(f"prepared in {time.perf_counter() - began:.0f} s", flush=True)
    for name in missing:
        if time.perf_counter() - began > 60 * options.minutes:
            print(f"no time left for {name} and what follows: start again to go on", flush=True)
            break
        start = time.perf_counter()
        try:
            table, about = prices.table(name, ROWS[name])
        except Exception as error:  # of any library: it is reported, and the next row may run
            failed.append(name)
            print(f"{name}: FAILED, {type(error).__name__}: {str(error)[:500]}", flush=True)
            if options.device.startswith("cuda"):
                torch.cuda.empty_cache()
            continue
        kept.add(table, about)
        share = sum(about["reused"].values()) / sum(about["forwards"].values())
        print(
            f"{name}: identity {table['identity'].mean():.3f}, reused {share:.0%}, {about['linear_layers']}, "
            f"{time.perf_counter() - start:.1f} s",
            flush=True,
        )
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shipped = MINI / "vace_fast" / "pytorch_lora_weights.safetensors"
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished rows")
    parser.add_argument("--lora", default=str(shipped), help="the file for few steps")
    parser.add_argument("--pairs", type=int, default=344, help="a multiple of 8")
    parser.add_argument("--rows", help="only these, comma-separated")
    parser.add_argument("--batch", type=int, default=344)
    parser.add_argument("--seed", type=int, default=64_000, help="of people, scenes and noise")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the rows that stand for 50")
    parser.add_argument("--minutes", type=float, default=9.0, help="begin no row after them")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    if failed := run(parser.parse_args()):
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

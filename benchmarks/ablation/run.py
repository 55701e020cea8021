"""The paper's ablation on the mini models: every row of ``ablation.yml`` on held-out pairs, scored clip by clip.

Run: ``python -m benchmarks.ablation.run --out DIR`` on a machine with a GPU. Each finished row is a file in ``DIR``; a run that was
stopped, or that ends after ``--minutes``, goes on behind them when started again. ``--models`` holds the folders ``vace`` and ``phantom`` of
another training seed. ``ablation_collect.py`` packs the rows for ``evidence.py``, which makes the tables.

Judge and scorers are those of data/06_models/mini. Clips are scored before encoding. Sampling uses TF32, scoring does not.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from benchmarks.ablation.clips import ClipMaker, Inputs
from benchmarks.ablation.mini_pairs import Pairs, draw_pairs
from benchmarks.ablation.rows import DECODED, MAIN, TRUTH, load_rows, rows_to_make
from benchmarks.ablation.scores import ClipScores
from tpige_kedro.mini.judge import MiniJudge
from tpige_kedro.mini.training.codec import LatentCodec

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "data" / "06_models" / "mini"
KEPT_CLIPS = 24  # of each row in --keep
SETTINGS = ("models", "pairs", "sweep_pairs", "batch", "seed", "steps")  # that a run keeps
STEPS = 20  # of the clips behind docs/evidence.md; conf/base takes fewer


def load_parameters(steps: int = STEPS) -> dict[str, Any]:
    """The parameters of conf/base, with ``steps`` for its generators of clips; distilled ones keep their own."""
    parameters: dict[str, Any] = {}
    for path in sorted((ROOT / "conf" / "base").glob("parameters*.yml")):
        parameters |= yaml.safe_load(path.read_text())
    for spec in parameters["models"].values():
        options = spec.get("options", {})
        if "num_frames" in options and "sampler" not in options:
            options["steps"] = steps
    return parameters


@contextmanager
def tf32(allowed: bool):
    """TF32 in matrix products and convolutions, or not."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


class Ablation:
    """The pairs, what enhancement makes of them, and the scores of any row."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.device = options, options.device
        self.maker = ClipMaker(
            load_parameters(options.steps),
            options.models,
            options.batch,
            options.device,
            options.seed,
        )
        self.scores = make_scores(self.maker)
        half, device = options.pairs // 2, torch.device(options.device)
        self.pairs = alternating(
            draw_pairs(half, options.seed, False, device),
            draw_pairs(half, options.seed + 1, True, device),
        )
        self.inputs = self._inputs(options.out / "inputs.pt")

    def _inputs(self, file: Path) -> Inputs:
        if not file.exists():
            self.maker.enhance(self.pairs).save(file)
        inputs = Inputs.load(file)
        self.maker.encode(self.pairs, inputs)
        return inputs

    def rows(self) -> dict[str, tuple[int, Callable[[], Iterable[torch.Tensor]]]]:
        """How many clips each row has, and what makes them, batch by batch."""
        everything, first = len(self.pairs.ids), self.options.sweep_pairs
        made: dict[str, tuple[int, Callable[[], Iterable[torch.Tensor]]]] = {
            TRUTH: (everything, self._rendered),
            DECODED: (everything, self._decoded),
        }
        for row in rows_to_make(load_rows()):
            count = everything if row.family == MAIN else first
            make = partial(self.maker.clips, row.variant, self.pairs, self.inputs, count, row.name)
            made[row.name] = (count, make)
        return made

    def table(self, name: str, batches: Iterable[torch.Tensor], keep: bool) -> pd.DataFrame:
        """A row of measures for every clip; the first clips are kept as they were scored."""
        tables: list[pd.DataFrame] = []
        for clips in batches:
            start = sum(map(len, tables))
            part = part_of(self.pairs, slice(start, start + len(clips)))
            if keep and not tables:
                kept = clips[:KEPT_CLIPS]
                self.keep(name, kept, part_of(self.pairs, slice(0, len(kept))))
            with tf32(False):
                columns = self.scores(clips, part)
            labels = {
                "made_as": name,
                "sample_id": part.ids,
                "slice": ["combinations" if i.startswith("new") else "people" for i in part.ids],
                "hides": part.hides.tolist(),
            }
            tables.append(pd.DataFrame(labels | {k: v.tolist() for k, v in columns.items()}))
        return pd.concat(tables, ignore_index=True)

    def keep(self, name: str, clips: torch.Tensor, pairs: Pairs) -> None:
        """Clips and all that their scores depend on, for ``ablation_agree.py``."""
        content = {f.name: getattr(pairs, f.name) for f in fields(Pairs) if f.name != "truth"}
        content["pictures"] = torch.from_numpy(np.stack([np.asarray(p) for p in pairs.pictures]))
        content |= {"references": pairs.references.cpu(), "others": pairs.others.cpu()}
        torch.save(content | {"clips": clips.cpu()}, self.options.out / f"{name}.pt")

    def _rendered(self) -> Iterable[torch.Tensor]:
        for part in self.pairs.truth.split(self.options.batch):
            yield to_bytes(part)

    def _decoded(self) -> Iterable[torch.Tensor]:
        codec = LatentCodec(self.options.models / "vace" / "vae", self.device, torch.float32)
        for part in self.pairs.truth.split(self.options.batch):
            yield to_bytes(codec.decode(codec.encode(part)))


def make_scores(maker: ClipMaker) -> ClipScores:
    """The scorers of conf/base and the judge, on the device of ``maker``."""
    scoring = maker.parameters["scoring"]
    judge = MiniJudge(MINI / "judge", maker.device, MINI / "judge_attributes")
    networks = [n for n in scoring["scorers"] if maker.parameters["models"][n].get("source")]
    return ClipScores([maker.model(n) for n in networks], scoring["overall"], judge)


def to_bytes(videos: torch.Tensor) -> torch.Tensor:
    """(n, 3, T, S, S) in [-1, 1] to (n, T, S, S, 3) uint8."""
    return ((videos.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1)


def alternating(first: Pairs, second: Pairs) -> Pairs:
    """The pairs of two equally long slices in turn, so that every beginning has as many of either."""
    n = len(first.ids)
    order = torch.arange(2 * n).view(2, n).T.flatten()
    return _combined([first, second], order)


def part_of(pairs: Pairs, which: slice) -> Pairs:
    """Some of the pairs."""
    return _combined([pairs], torch.arange(len(pairs.ids))[which])


def _combined(slices: list[Pairs], order: torch.Tensor) -> Pairs:
    def joined(parts: list[Any]) -> Any:
        if isinstance(parts[0], torch.Tensor):
            whole = parts[0] if len(parts) == 1 else torch.cat(parts)
            return whole[order.to(whole.device)]
        if isinstance(parts[0], dict):
            return {name: joined([part[name] for part in parts]) for name in parts[0]}
        items = [item for part in parts for item in part]
        return [items[i] for i in order.tolist()]

    return Pairs(**{f.name: joined([getattr(s, f.name) for s in slices]) for f in fields(Pairs)})


def run(options: argparse.Namespace) -> None:
    """Make and score the rows that have no file yet, until the time is up."""
    began = time.perf_counter()
    options.out.mkdir(parents=True, exist_ok=True)
    keep_to_the_settings(options)
    names = [TRUTH, DECODED, *(row.name for row in rows_to_make(load_rows()))]
    wanted = options.rows.split(",") if options.rows else names
    if unknown := set(wanted) - set(names):
        raise SystemExit(f"--rows: {sorted(unknown)} are not made; there are {', '.join(names)}")
    missing = [name for name in wanted if not (options.out / f"{name}.csv").exists()]
    if not missing:
        print("all rows are there")
        return
    ablation = Ablation(options)
    print(f"prepared in {time.perf_counter() - began:.0f} s", flush=True)
    keep = set(options.keep.split(",")) if options.keep else set()
    pace = 0.0  # seconds a clip of the slowest row
    for name in missing:
        count, make = ablation.rows()[name]
        if time.perf_counter() - began + 1.2 * pace * count > 60 * options.minutes:
            print(f"stopped before {name}: start again to go on", flush=True)
            return
        start = time.perf_counter()
        with tf32(True):
            table = ablation.table(name, make(), name in keep)
        seconds = time.perf_counter() - start
        pace = max(pace, seconds / count)
        write(table, options.out / f"{name}.csv", {"clips": count, "seconds": round(seconds, 2)})
        print(f"{name}: {count} clips, {seconds:.1f} s", flush=True)
    print("all rows are there")


def keep_to_the_settings(options: argparse.Namespace, names: Sequence[str] = SETTINGS) -> None:
    """A folder holds one run: rows of other people or another generator must not stand beside those that are there."""
    wanted = {name: str(getattr(options, name)) for name in names}
    file = options.out / "settings.json"
    if not file.exists():
        file.write_text(json.dumps(wanted) + "\n")
    begun = json.loads(file.read_text())
    changed = [f"{k} {begun[k]} -> {v}" for k, v in wanted.items() if begun[k] != v]
    if changed:
        raise SystemExit(f"{options.out} was begun with other settings: {', '.join(changed)}")


def write(table: pd.DataFrame, file: Path, about: dict[str, Any]) -> None:
    """The table and, beside it, how long it took; the table last, whole or not at all."""
    file.with_suffix(".json").write_text(json.dumps(about) + "\n")
    table.to_csv(file.with_suffix(".tmp"), index=False, float_format="%.6g")
    file.with_suffix(".tmp").replace(file)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished rows")
    parser.add_argument("--models", type=Path, default=MINI, help="where vace and phantom are")
    parser.add_argument("--pairs", type=int, default=1032, help="of the main rows")
    parser.add_argument(
        "--sweep-pairs", type=int, default=344, help="of the sweeps: the first ones"
    )
    parser.add_argument("--rows", help="only these, comma-separated")
    parser.add_argument("--keep", help=f"rows whose first {KEPT_CLIPS} clips are kept")
    parser.add_argument(
        "--minutes", type=float, default=9.0, help="begin no row that would end later"
    )
    parser.add_argument("--batch", type=int, default=344)
    parser.add_argument("--seed", type=int, default=60_000, help="of people, scenes and noise")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the sampler")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    run(parser.parse_args())


if __name__ == "__main__":
    main()

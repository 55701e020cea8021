"""How good are the mini models, and what does each enhancement do? Every variant of a parameters file on held-out pairs.

Run: ``python benchmarks/mini_quality.py --out DIR`` (a GPU takes minutes, two cores take hours). Clips are judged by networks
that took part in no training and no selection, and scored by the scorers of the laptop run. Writes ``clips.csv`` (a row per
clip), ``summary.csv`` (means with 95 % bootstrap intervals), ``tables.md``, ``differences.csv`` (paired, Holm) and ``run.json``.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from mini_pairs import Pairs, draw_pairs
from mini_tables import DECODED, TRUTH, as_markdown, compare, summarise
from tpige_kedro.image_editors.choice import choose, judge_candidates
from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.metrics.overall import overall
from tpige_kedro.metrics.protocol import Missing, ScoredClip
from tpige_kedro.mini.judge import MiniJudge, Verdict
from tpige_kedro.mini.pictures import to_frames, to_images
from tpige_kedro.mini.text_match import attributes_right, text_match
from tpige_kedro.mini.training.codec import LatentCodec
from tpige_kedro.models import load_model, missing_needs
from tpige_kedro.prompts.clause import compose_clause, insert_clause
from tpige_kedro.prompts.reference_prompt import reference_prompt
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.seeds import derive_seed
from tpige_kedro.video_generators.protocol import ClipRequest

ROOT = Path(__file__).resolve().parents[1]
MINI = ROOT / "data" / "06_models" / "mini"


class Bench:
    """The models of the parameters, loaded once, with batches and a device that suit a benchmark."""

    def __init__(self, parameters: dict[str, Any], batch: int, device: str, seed: int) -> None:
        self.parameters, self.batch, self.device, self.seed = parameters, batch, device, seed
        self._loaded: dict[str, Any] = {}
        self.judge = make_judge(MINI, device)
        self.scorers = [self.model(name) for name in parameters["scoring"]["scorers"]]

    def model(self, name: str) -> Any:
        if name not in self._loaded:
            spec = ModelSpec(**self.parameters["models"][name])
            extra: dict[str, Any] = {"device": self.device}
            if "steps" in spec.options:
                extra |= {"batch_size": self.batch, "dtype": "float32"}
            self._loaded[name] = load_model(
                spec.model_copy(update={"options": {**spec.options, **extra}})
            )
        return self._loaded[name]

    def clauses(self, pairs: Pairs) -> list[str]:
        options = self.parameters["prompt_enhancement"]
        reader = self.model(options["reader"])
        return [
            compose_clause(reader.read_face(p), options["minimum_confidence"])
            for p in pairs.pictures
        ]

    def redrawn(self, pairs: Pairs, clauses: list[str]) -> list[Any]:
        """The references as reference enhancement leaves them."""
        options = self.parameters["reference_enhancement"]
        editor, judge = self.model(options["editor"]), self.model(options["judge"])
        requests = [
            EditRequest(
                key,
                reference_prompt(prompt, clause, options["template"]),
                picture,
                self.noise(key, "reference", i),
            )
            for key, prompt, clause, picture in zip(
                pairs.ids, pairs.prompts, clauses, pairs.pictures, strict=True
            )
            for i in range(options["candidates"])
        ]
        drawn: dict[str, list[tuple[int, Any]]] = {key: [] for key in pairs.ids}
        for request, picture in editor.edit(requests):
            if isinstance(picture, Exception):
                raise picture
            drawn[request.sample_id].append((request.seed, picture))
        choices = [
            choose(judge_candidates(judge, original, drawn[key]), options["minimum_similarity"])
            for key, original in zip(pairs.ids, pairs.pictures, strict=True)
        ]
        return [
            c.best.picture if c.best else p for c, p in zip(choices, pairs.pictures, strict=True)
        ]

    def noise(self, *names: str | int) -> int:
        return derive_seed(self.seed, *names)

    def clips(
        self, variant: Variant, pairs: Pairs, prompts: list[str], pictures: list[Any]
    ) -> torch.Tensor:
        """The variant's clips (n, 3, T, S, S) in [-1, 1], in the order of the pairs."""
        requests = [
            ClipRequest(key, prompt, (picture,), self.noise(key))
            for key, prompt, picture in zip(pairs.ids, prompts, pictures, strict=True)
        ]
        made: dict[str, np.ndarray] = {}
        for request, clip in self.model(variant.generator).generate(requests, variant.guidance):
            if isinstance(clip, Exception):
                raise clip
            made[request.sample_id] = clip.frames
        return torch.stack([to_images(made[key]).transpose(0, 1) for key in pairs.ids])

    def rows(
        self, name: str, slice_name: str, pairs: Pairs, videos: torch.Tensor
    ) -> Iterator[dict[str, Any]]:
        """What judge and scorers say of each clip."""
        verdict = self.judge(videos, pairs.references)
        read = readings(verdict, pairs)
        stranger = self.judge(videos, pairs.references.roll(1, 0)).similarity
        for i, key in enumerate(pairs.ids):
            row = {
                "slice": slice_name,
                "variant": name,
                "sample_id": key,
                "hides": bool(pairs.hides[i]),
                "role right": float(verdict.role[i] == pairs.role[i]),
                "setting right": float(verdict.setting[i] == pairs.setting[i]),
                "action right": float(verdict.action[i] == pairs.action[i]),
                "face seen": float(verdict.face_rate[i]),
                "identity": float(verdict.similarity[i]),
                "identity when seen": float(verdict.similarity_when_seen[i]),
                "identity of a stranger": float(stranger[i]),
            } | {measure: float(values[i]) for measure, values in read.items()}
            frames = to_frames(videos[i].transpose(0, 1))
            yield row | self.scores(ScoredClip(frames, 8.0, pairs.pictures[i], pairs.prompts[i]))

    def scores(self, clip: ScoredClip) -> dict[str, float]:
        values = {k: v for scorer in self.scorers for k, v in scorer.score(clip).items()}
        values["overall"] = overall(values, self.parameters["scoring"]["overall"])
        return {k: float("nan") if isinstance(v, Missing) else float(v) for k, v in values.items()}

    def tar(self, pairs: Pairs, far: float = 1e-3) -> float:
        """True accept rate of the judge's encoder between a rendered frame and the reference, at a false accept rate."""
        middle = pairs.truth[:, :, pairs.truth.shape[2] // 2]
        cosines = self.judge.embed(middle) @ self.judge.embed(pairs.references).T
        same = torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)
        threshold = cosines[~same].float().quantile(1 - far)
        return float((cosines[same] > threshold).float().mean())


def make_judge(models: Path, device: str) -> MiniJudge:
    """The judge of ``models``; it reads facial attributes if it has the network for that."""
    attributes = models / "judge_attributes"
    if not attributes.is_dir():
        print(f"{attributes} is missing: no text match, no attributes", flush=True)
    return MiniJudge(models / "judge", device, attributes if attributes.is_dir() else None)


def readings(verdict: Verdict, pairs: Pairs) -> dict[str, torch.Tensor]:
    """Measures (n,) that need the facial attributes; none if the judge read none."""
    if not verdict.attributes:
        return {}
    return {
        "attributes right": attributes_right(verdict, pairs.asked),
        "text match": text_match(verdict, pairs.asked),
    }


def run_slice(
    bench: Bench, variants: dict[str, Variant], slice_name: str, pairs: Pairs, parts: Path
) -> None:
    """The truth, the truth through the VAE, and every variant: a file of rows each in ``parts``, those there are kept."""
    clauses = bench.clauses(pairs)
    enhanced = [insert_clause(p, c) for p, c in zip(pairs.prompts, clauses, strict=True)]

    def decoded() -> torch.Tensor:
        codec = LatentCodec(MINI / "vace" / "vae", bench.device, dtype=torch.float32)
        return torch.cat([codec.decode(codec.encode(part)).cpu() for part in pairs.truth.split(32)])

    def generated(variant: Variant) -> torch.Tensor:
        prompts = enhanced if variant.prompt == "enhanced" else pairs.prompts
        pictures = (
            bench.redrawn(pairs, clauses) if variant.reference == "enhanced" else pairs.pictures
        )
        return bench.clips(variant, pairs, prompts, pictures)

    makers: dict[str, Callable[[], torch.Tensor]] = {TRUTH: pairs.truth.cpu, DECODED: decoded}
    makers |= {name: partial(generated, variant) for name, variant in variants.items()}
    for name, make in makers.items():
        path = parts / f"{slice_name} {name}.csv"
        if path.exists():
            continue
        start = time.perf_counter()
        rows = pd.DataFrame(bench.rows(name, slice_name, pairs, make()))
        rows.to_csv(path.with_suffix(".tmp"), index=False, float_format="%.6g")
        path.with_suffix(".tmp").replace(path)
        print(
            f"{slice_name} {name}: {len(rows)} clips, {time.perf_counter() - start:.1f} s",
            flush=True,
        )


def load_parameters() -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for path in sorted((ROOT / "conf" / "base").glob("parameters*.yml")):
        parameters |= yaml.safe_load(path.read_text())
    return parameters


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=240, help="of the first slice: unseen people")
    parser.add_argument(
        "--new-pairs", type=int, default=200, help="of the second slice: unseen combinations too"
    )
    parser.add_argument(
        "--variants", type=Path, help="a YAML file with `variants:`, in place of conf/base"
    )
    parser.add_argument("--batch", type=int, default=60)
    parser.add_argument("--seed", type=int, default=20_000, help="of people, scenes and noise")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--commit", default="not recorded")
    options = parser.parse_args()
    parameters = load_parameters()
    if options.variants:
        parameters["variants"] = yaml.safe_load(options.variants.read_text())["variants"]
    variants = {name: Variant(**v) for name, v in parameters["variants"].items()}
    variants = {
        k: v
        for k, v in variants.items()
        if not missing_needs(ModelSpec(**parameters["models"][v.generator]))
    }
    bench = Bench(parameters, options.batch, options.device, options.seed)
    tar = {}
    parts = options.out / "parts"  # finished variants; a killed run goes on behind them
    parts.mkdir(parents=True, exist_ok=True)
    for name, n, unseen in (
        ("people", options.pairs, False),
        ("combinations", options.new_pairs, True),
    ):
        if n:
            pairs = draw_pairs(n, options.seed + unseen, unseen, torch.device(options.device))
            tar[name] = bench.tar(pairs)
            run_slice(bench, variants, name, pairs, parts)
    clips = pd.concat(
        [pd.read_csv(path) for path in sorted(parts.glob("*.csv"), key=lambda f: f.stat().st_mtime)]
    )
    clips.to_csv(options.out / "clips.csv", index=False, float_format="%.6g")
    summary = summarise(clips, options.seed)
    summary.to_csv(options.out / "summary.csv", index=False, float_format="%.6g")
    (options.out / "tables.md").write_text(as_markdown(summary))
    compare(clips, options.seed).to_csv(
        options.out / "differences.csv", index=False, float_format="%.6g"
    )
    device = torch.cuda.get_device_name() if options.device == "cuda" else platform.processor()
    about = {
        "tar_at_far_1e-3": tar,
        "device": device,
        "torch": torch.__version__,
        "commit": options.commit,
    }
    (options.out / "run.json").write_text(
        json.dumps({**about, "seed": options.seed}, indent=2) + "\n"
    )
    short = summary[(summary["roles"] == "all")].pivot_table(
        index=["slice", "variant"], columns="measure", values="mean", sort=False
    )
    print(short.round(3).to_string(), json.dumps(about))


if __name__ == "__main__":
    main()

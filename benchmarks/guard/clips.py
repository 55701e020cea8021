"""The clips of the regression guard, judged: a small seeded set by the shipped mini models, whole and broken on purpose.

A mutant is the product with one line replaced while its clips are made, so that the guard is tried on real clips of a real defect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch

import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from benchmarks.ablation.clips import ClipMaker, Inputs, pictures_to_images, with_clauses
from benchmarks.ablation.mini_pairs import Pairs, draw_pairs
from benchmarks.ablation.run import MINI, load_parameters, make_scores, part_of
from benchmarks.ablation.scores import ClipScores
from tpige_kedro.guidance import id_aware
from tpige_kedro.schemas import Guidance, Variant
from tpige_kedro.video_generators.wan_vace import WHITE

EXPERTS = ("phantom", "vace", "vace_pe", "vace_pe_ge")
GUIDED = "vace_pe_ge"
MODELS = ("mini_vace", "mini_phantom")
FLIPPED, IGNORED = "identity sign flipped", "reference ignored"


def control_of(name: str, variants: Mapping[str, Any]) -> str:
    """The one of ``variants`` that is like ``name`` (generator, prompt, reference, W_c) but for W_i, which is 0."""
    rows = {key: Variant(**value) for key, value in variants.items()}
    guided = rows[name]
    found = [
        key
        for key, row in rows.items()
        if _without_identity(row) == _without_identity(guided) and not row.guidance.identity_weight
    ]
    if len(found) != 1:
        raise ValueError(
            f"variants of conf/base: {name} needs one control (its own settings at W_i 0), there are {found}"
        )
    return found[0]


def _without_identity(variant: Variant) -> Variant:
    """What is left of the settings where W_i is 0, for then no weak branch runs."""
    guidance = variant.guidance
    text = Guidance(text_weight=guidance.text_weight, text_schedule=guidance.text_schedule)
    return variant.model_copy(update={"guidance": text})


CONTROL = control_of(GUIDED, load_parameters()["variants"])


@dataclass(frozen=True)
class Setting:
    """Which people and noise (``seed``), how many pairs, and how their clips are made; ``steps`` of the sampler."""

    seed: int
    pairs: int
    steps: int = 6
    batch: int = 4
    device: str = "cpu"


GUARD = Setting(seed=81_000, pairs=16)


@dataclass(frozen=True)
class Job:
    """The clips of one variant of conf/base, by the product as it is or by a mutant of it; of the first ``pairs`` or of all."""

    variant: str
    mutant: str = ""
    pairs: int | None = None


JOBS = (  # the longest first, so that two processes end together
    Job(GUIDED),
    Job(GUIDED, FLIPPED),
    Job(CONTROL),
    Job(CONTROL, IGNORED),
    Job("vace"),
    Job("phantom"),
)


def judged_clips(jobs: Sequence[Job], setting: Setting, processes: int) -> pd.DataFrame:
    """A row per clip with the verdict of the judge and the scores.

    Each process works with one thread: small networks gain more from a second process than from a second thread, and the
    numbers do not depend on how many there are. With one the clips are made in this process, with its threads.
    """
    if processes == 1:
        tables = [_judged(job, setting) for job in jobs]
        return pd.concat(tables, ignore_index=True)
    with ProcessPoolExecutor(processes, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        tables = list(pool.map(_judged, jobs, [setting] * len(jobs)))
    return pd.concat(tables, ignore_index=True)


def _judged(job: Job, setting: Setting) -> pd.DataFrame:
    maker, scores, everyone, inputs = _prepared(setting)
    pairs = part_of(everyone, slice(job.pairs))
    variant = Variant(**maker.parameters["variants"][job.variant])
    with MUTANTS[job.mutant](maker):
        clips = torch.cat(list(maker.clips(variant, pairs, inputs, len(pairs.ids))))
    labels = {"variant": job.variant, "mutant": job.mutant, "sample_id": pairs.ids}
    columns = {name: values.tolist() for name, values in _columns(scores, clips, pairs).items()}
    return pd.DataFrame(labels | {"hides": pairs.hides.tolist()} | columns)


@torch.inference_mode()
def _columns(scores: ClipScores, clips: Tensor, pairs: Pairs) -> dict[str, Tensor]:
    """Of the measures of ``scores`` those that the guard checks, without the cost of the others."""
    images = clips.permute(0, 1, 4, 2, 3).float() / 127.5 - 1
    pictures = pictures_to_images(pairs.pictures, str(images.device))
    verdict = scores.judge(images.transpose(1, 2), pairs.references, batch=256)
    return (
        {"face seen": verdict.face_rate.double(), "identity": verdict.similarity.double()}
        | scores.identity(images, pictures)
        | scores.text(images, pairs.prompts)
        | {"motion_smoothness": scores.smoothness(clips), "imaging_quality": scores.quality(images)}
    )


@lru_cache(1)
def _prepared(setting: Setting) -> tuple[ClipMaker, ClipScores, Pairs, Inputs]:
    """The models, the pairs and their enhanced prompts, once a process; no reference is redrawn."""
    parameters = load_parameters()
    for model in MODELS:
        parameters["models"][model]["options"]["steps"] = setting.steps
    maker = ClipMaker(parameters, MINI, setting.batch, setting.device, setting.seed)
    pairs = draw_pairs(setting.pairs, setting.seed, False, torch.device(setting.device))
    inputs = Inputs(with_clauses(pairs.prompts, maker.clauses(pairs)), pairs.pictures)
    maker.encode(pairs, inputs)
    scores = make_scores(maker)
    scores.judge.attributes = None  # no check is about them
    return maker, scores, pairs, inputs


@contextmanager
def _sign_flipped(maker: ClipMaker) -> Iterator[None]:
    """Guidance away from the reference: c + W_c (c - u) - W_i (c - w)."""
    guide = id_aware.guide

    def flipped(c: Any, u: Any, d: Any, text_weight: float, identity_weight: float) -> Any:
        return guide(c, u, d, text_weight, -identity_weight)

    with patch.object(id_aware, "guide", flipped):
        yield


@contextmanager
def _reference_ignored(maker: ClipMaker) -> Iterator[None]:
    """A generator that takes an empty canvas for every reference."""
    pictures = maker.model("mini_vace").pictures

    def blank(picture: Image.Image) -> torch.Tensor:
        return pictures.plain(WHITE, 1)

    with patch.object(pictures, "reference", blank):
        yield


MUTANTS: dict[str, Callable[[ClipMaker], AbstractContextManager[None]]] = {
    "": lambda maker: nullcontext(),
    FLIPPED: _sign_flipped,
    IGNORED: _reference_ignored,
}

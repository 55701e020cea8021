"""Which clips to make, and from what: a table with a row per variant and sample, before anything is loaded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import Items
from tpige_kedro.further import COLUMNS as FURTHER
from tpige_kedro.models import why_skipped
from tpige_kedro.pipelines.generation_variants.descriptions import describe
from tpige_kedro.pipelines.generation_variants.further import with_further
from tpige_kedro.pipelines.generation_variants.noise import noise_of
from tpige_kedro.schemas import ModelSpec, Noise, Variant
from tpige_kedro.seeds import noise_seed

logger = logging.getLogger(__name__)

COLUMNS = [
    "variant",
    "sample_id",
    "person_id",
    "prompt",
    "prompt_source",
    "reference",
    "reference_source",
    "reference_hash",
    "noise",
    "seed",
    "problem",
]


def list_variants(variants: dict[str, Variant], models: dict[str, ModelSpec]) -> pd.DataFrame:
    """Every variant, whether it can run (``status`` ready | skipped, ``reason``), and what it consists of."""
    rows = []
    for name, variant in variants.items():
        model = models[variant.generator]
        reason = why_skipped(variant, models)
        rows.append(
            {
                "variant": name,
                "status": "skipped" if reason else "ready",
                "reason": reason,
                "description": describe(variant, model),
                "generator": variant.generator,
                "prompt": variant.prompt,
                "reference": variant.reference,
                "text_weight": variant.guidance.text_weight,
                "identity_weight": variant.guidance.identity_weight,
                "source": model.source or "service",
                "licence": model.licence,
            }
        )
    return pd.DataFrame(rows)


def plan_clips(
    checked_samples: pd.DataFrame,
    enhanced_prompts: pd.DataFrame,
    enhanced_references: Items,
    variants: dict[str, Variant],
    models: dict[str, ModelSpec],
    seed: int,
) -> pd.DataFrame:
    """What each clip is made of: a row per variant that can run and sample, in this order.

    Where a person has several pictures, the columns of :mod:`tpige_kedro.further` name those that the generator gets after the first.

    Returns:
        ``variant, sample_id, person_id, prompt, prompt_source, reference, reference_source, reference_hash, noise, seed, problem``:
        ``reference`` is the file name of the original; ``reference_hash`` is of the picture that the generator sees; ``noise`` is
        shared | own, and decides the ``seed``; with a ``problem`` the clip cannot be made.
    """
    texts = dict(
        zip(enhanced_prompts["sample_id"], enhanced_prompts["enhanced_prompt"], strict=True)
    )
    tables = [pd.DataFrame(columns=COLUMNS)]
    given: dict[str, pd.DataFrame] = {}  # the samples by generator, which may take fewer pictures
    for name, variant in variants.items():
        if reason := why_skipped(variant, models):
            logger.warning("generation_variants.%s: skipped, %s", name, reason)
        else:
            noise = noise_of(variant, models[variant.generator])
            generator = variant.generator
            if generator not in given:
                given[generator] = with_further(checked_samples, generator, models[generator])
            samples = given[generator]
            tables.append(clips_of(name, variant, samples, texts, enhanced_references, noise, seed))
    plan = pd.concat(tables[1:] or tables, ignore_index=True)
    further = [c for c in FURTHER if c in plan]
    return plan[[*COLUMNS, *further]].fillna(dict.fromkeys(further, ""))


@dataclass(frozen=True, slots=True)
class PlanRow(Mapping[str, Any]):
    """What one clip is made of, by the columns of the plan: a dictionary of each row would take twice the memory."""

    columns: tuple[str, ...]
    cells: tuple[Any, ...]

    def __getitem__(self, column: str) -> Any:
        try:
            return self.cells[self.columns.index(column)]
        except ValueError:
            raise KeyError(column) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def rows_of(plan: pd.DataFrame) -> Iterator[PlanRow]:
    """The rows of a plan. Equal texts are one object: the rows of a sample share most of theirs, and there may be thousands.

    >>> first, second = rows_of(pd.DataFrame({"prompt": ["A chef."] * 2, "seed": [1, 2]}))
    >>> dict(second), first["prompt"] is second["prompt"], first.get("further")
    ({'prompt': 'A chef.', 'seed': 2}, True, None)
    """
    texts: dict[str, str] = {}
    names = tuple(map(str, plan))
    columns = ([_shared(v, texts) for v in plan[name].tolist()] for name in names)
    yield from (PlanRow(names, row) for row in zip(*columns, strict=True))


def _shared(value: Any, texts: dict[str, str]) -> Any:
    return texts.setdefault(value, value) if isinstance(value, str) else value


def clips_of(
    name: str,
    variant: Variant,
    samples: pd.DataFrame,
    texts: Mapping[str, str],
    enhanced_references: Items,
    noise: Noise,
    seed: int,
) -> pd.DataFrame:
    """The rows of one variant."""
    own = name if noise == "own" else ""
    keys = list(samples["sample_id"])
    prompts, hashes = list(samples["prompt"]), list(samples["reference_hash"])
    problems = [""] * len(keys)
    if variant.reference == "enhanced":
        drawn = [enhanced_references.get(key) for key in keys]
        hashes = [item.mark if item else "" for item in drawn]
        problems = [
            "" if h else _lacks(k, "reference", "reference_enhancement")
            for k, h in zip(keys, hashes, strict=True)
        ]
    if variant.prompt == "enhanced":
        prompts = [texts.get(key, "") for key in keys]
        lacking = (
            "" if p else _lacks(k, "prompt", "prompt_enhancement")
            for k, p in zip(keys, prompts, strict=True)
        )
        problems = [of_prompt or other for of_prompt, other in zip(lacking, problems, strict=True)]
    further = [c for c in FURTHER if c in samples]
    return samples[["sample_id", "person_id", "reference", *further]].assign(
        variant=name,
        prompt=prompts,
        prompt_source=variant.prompt,
        reference_source=variant.reference,
        reference_hash=hashes,
        noise=noise,
        seed=[noise_seed(seed, key, variant.draw, own) for key in keys],
        problem=problems,
    )


def _lacks(sample: str, what: str, stage: str) -> str:
    return f"sample {sample}: it has no enhanced {what}; see why in the failures of {stage}, fix the cause and run again"

"""Writes what each reference should show, and redraws it so (paper section 3.3)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from tpige_kedro.execution.local import Chunk, Job, work_off
from tpige_kedro.models import missing_needs
from tpige_kedro.pipelines.reference_enhancement.redraw import Redraw, References
from tpige_kedro.prompts.reference_prompt import failed_reference_checks, reference_prompt
from tpige_kedro.schemas import ModelSpec, ReferenceEnhancement, Variant

logger = logging.getLogger(__name__)


def write_reference_prompts(
    enhanced_prompts: pd.DataFrame, options: ReferenceEnhancement
) -> pd.DataFrame:
    """The text by which each reference is redrawn: role, attire and hair of the prompt, and the facial clause.

    Returns:
        ``sample_id, reference_prompt, note``; a text that fails its checks is replaced by one of "a person" with the
        same clause, and ``note`` says which check failed.
    """
    rows = []
    for row in enhanced_prompts.itertuples():
        prompt, clause = str(row.prompt), str(row.clause)
        text, note = reference_prompt(prompt, clause, options.template), ""
        failures = failed_reference_checks(text, allowed=f"{options.template} {prompt} {clause}")
        if failures:
            text = reference_prompt("", clause, options.template)
            note = f"role left out, check failed: {'; '.join(map(str, failures))}"
            logger.warning("sample %s: reference prompt: %s", row.sample_id, note)
        rows.append({"sample_id": row.sample_id, "reference_prompt": text, "note": note})
    return pd.DataFrame(rows, columns=["sample_id", "reference_prompt", "note"])


def redraw_references(
    *,
    checked_samples: pd.DataFrame,
    references: References,
    reference_prompts: pd.DataFrame,
    completed: Mapping[str, str],
    options: ReferenceEnhancement,
    models: Mapping[str, Any],
    variants: Mapping[str, Any],
    seed: int,
) -> Iterator[Chunk]:
    """Draw ``candidates`` pictures per sample and keep the best, or the original; resumable, one job per sample.

    Nothing is drawn when no variant that can run uses an enhanced reference.

    Yields:
        Chunks of ``enhanced_references`` (pictures by sample), their records (which was chosen, all candidates), failures.
    """
    specs = {name: ModelSpec.model_validate(spec) for name, spec in models.items()}
    redraw = Redraw(options, specs[options.editor], specs[options.judge], references)
    jobs: list[Job] = []
    if uses_enhanced_references(variants, specs):
        columns = (
            reference_prompts[name].astype(str) for name in ("sample_id", "reference_prompt")
        )
        texts = dict(zip(*columns, strict=True))
        jobs = [
            redraw.job(row, texts[str(row.sample_id)], seed) for row in checked_samples.itertuples()
        ]
    else:
        logger.info("no variant that can run uses an enhanced reference: nothing to draw")
    yield from work_off("reference_enhancement", jobs, completed, redraw.produce)


def uses_enhanced_references(variants: Mapping[str, Any], specs: Mapping[str, ModelSpec]) -> bool:
    """Whether a variant takes an enhanced reference and has all that its generator needs (a key, for one)."""
    rows = [Variant.model_validate(variant) for variant in variants.values()]
    return any(
        row.reference == "enhanced" and not missing_needs(specs[row.generator]) for row in rows
    )
